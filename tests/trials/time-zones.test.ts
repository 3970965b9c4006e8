import { expect, test } from 'vitest';
import { sha256Tree } from '../support/digest.ts';
import { pipeline } from '../support/pipeline.ts';
import { expectExit } from '../support/published.ts';
import { describeShared, realArchive } from '../support/shared.ts';
import { tempDir } from '../support/temp.ts';

const zones = ['UTC', 'America/New_York', 'Asia/Kolkata'] as const;

/** Builds, certifies and queries in a time zone; returns all output, as text and digests. */
async function answersIn(TZ: string, run: readonly string[], env: Readonly<Record<string, string>>, ask: string[][]) {
  const dataDir = await tempDir('zone-');
  const output = await tempDir('zone-certificates-');
  const options = { dataDir, env: { ...env, TZ } };
  expectExit(await pipeline(['run', '--select', '+gaps', ...run], options), 0);
  const certified = await pipeline(['certify', '--output', output], options);
  expectExit(certified, 0);
  const answers: string[] = [];
  for (const question of ask) {
    const { exitCode, stdout, stderr } = await pipeline(['query', ...question], options);
    expect(exitCode, stderr).toBe(0);
    expect(stdout.split('\n').length).toBeGreaterThan(2);
    answers.push(stdout, stderr);
  }
  return { certified: certified.stdout, certificates: await sha256Tree(output), answers };
}

async function expectSame(run: readonly string[], env: Readonly<Record<string, string>>, ask: string[][]) {
  const [utc, ...others] = await Promise.all(zones.map((zone) => answersIn(zone, run, env, ask)));
  expect(others).toEqual([utc, utc]);
}

test('B7: gaps, certificates and answers of the sample have the same bytes in every time zone', () =>
  expectSame(['--symbols', 'BTCUSDT,KAVAUSDT'], { PIPELINE_TARGET: 'sample' }, [
    ['gaps', '--symbol', 'KAVAUSDT', '--format', 'json'],
    ['ohlcv', 'BTCUSDT', '--timeframe', '1d', '--instrument-type', 'futures'],
    ['ohlcv', 'BTCUSDT', '--timeframe', '1d', '--instrument-type', 'futures', '--resample', '1mo', '--format', 'table'],
  ]));

describeShared('of hours with outages and bars off the grid', () => {
  test('B7: gaps, certificates and answers have the same bytes in every time zone', async () => {
    const env = { PIPELINE_TARGET: 'mirror', PIPELINE_ARCHIVE_URL: await realArchive() };
    const run = ['--instrument-type', 'spot', '--timeframes', '1h', '--as-of', '2025-07-01T12:00:00Z'];
    await expectSame([...run, '--var', 'availability_timeframe=1d'], env, [
      ['gaps', '--instrument-type', 'spot'],
      [
        'ohlcv',
        'BTCUSDT',
        '--timeframe',
        '1h',
        '--start',
        '2020-12-20T10:00',
        '--end',
        '2021-01-01',
        '--format',
        'json',
      ],
      ['ohlcv', 'ETHUSDT', '--timeframe', '1h', '--resample', '1w', '--format', 'arrow'],
    ]);
  });
});
