import { execFile } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { slotsOf } from '../../exchange/slots.ts';
import { type Certificate, isoOf, usOf } from '../../queries/certify/certificate.ts';
import { builtSample, pipelineInProcess, writtenSample } from '../support/pipeline.ts';
import { expectExit, warehouseOf } from '../support/published.ts';
import { queryWarehouse } from '../support/rows.ts';
import { describeShared, realArchive, sharedPath } from '../support/shared.ts';
import { tempDir } from '../support/temp.ts';
import { visionServer } from '../support/vision-server.ts';

/** A series as oracle_series.py reports it: from its first bar to its last, missing ranges with their last slot. */
interface OracleSeries {
  readonly market: string;
  readonly symbol: string;
  readonly timeframe: string;
  readonly rows: number;
  readonly first: string;
  readonly last: string;
  readonly off_grid: number;
  readonly zero_volume: number;
  readonly digest: string;
  readonly missing_bars: number;
  readonly missing: readonly (readonly [start: string, end: string, bars: number])[];
}

/** A certificate in the oracle's terms: adjacent gaps become one range, and those after the last bar are dropped. */
function asOracle(it: Certificate): OracleSeries {
  const { slotOf, opensAt } = slotsOf(it.timeframe, usOf(it.first_open_time ?? ''), 1000);
  const last = usOf(it.last_open_time ?? '');
  const ranges: { from: number; to: number }[] = [];
  for (const { start, end } of it.gaps) {
    const [from, to] = [slotOf(usOf(start)), slotOf(usOf(end))];
    if (usOf(start) > last) continue;
    const before = ranges.at(-1);
    if (before?.to === from) before.to = to;
    else ranges.push({ from, to });
  }
  return {
    market: it.instrument_type.replace('-', '/'),
    symbol: it.symbol,
    timeframe: it.timeframe,
    rows: it.rows,
    first: it.first_open_time ?? '',
    last: it.last_open_time ?? '',
    off_grid: it.off_grid,
    digest: it.digest,
    zero_volume: it.zero_volume,
    missing_bars: ranges.reduce((sum, { from, to }) => sum + to - from, 0),
    missing: ranges.map(({ from, to }) => [isoOf(opensAt(from)), isoOf(opensAt(to - 1)), to - from] as const),
  };
}

const byName = (a: OracleSeries, b: OracleSeries) =>
  Buffer.compare(
    Buffer.from([a.market, a.symbol, a.timeframe].join(' ')),
    Buffer.from([b.market, b.symbol, b.timeframe].join(' ')),
  );

/** Certifies everything in a warehouse, and returns the certificates by the lines of stdout. */
async function certifyAll(target: string, dataDir: string): Promise<readonly Certificate[]> {
  const directory = await tempDir('certificates-');
  const ran = await pipelineInProcess(['certify', '--target', target, '--output', directory], { dataDir });
  expectExit(ran, 0);
  const names = ran.stdout
    .trim()
    .split('\n')
    .map((line) => line.slice(0, line.indexOf(':')).split(' '));
  return Promise.all(
    names.map(async ([market = '', symbol = '', timeframe = '']) =>
      JSON.parse(await readFile(join(directory, market, timeframe, `${symbol}.json`), 'utf8')),
    ),
  );
}

describeShared('the series of the real archive', () => {
  let dataDir: string;
  let certificates: readonly Certificate[];

  beforeAll(async () => {
    dataDir = await tempDir('series-');
    await using server = await visionServer(await realArchive());
    const ran = await pipelineInProcess(
      [
        ...['run', '--target', 'mirror', '--select', '+gaps', '--as-of', '2025-07-01T12:00:00Z'],
        ...['--instrument-type', 'spot,futures-um,futures-cm', '--timeframes', '1m,5m,1h,1d'],
        ...['--var', 'availability_timeframe=1d'],
      ],
      { dataDir, env: { PIPELINE_ARCHIVE_URL: server.url } },
    );
    expectExit(ran, 0);
    certificates = await certifyAll('mirror', dataDir);
  });

  test('A8 A9 A17 B8: rows, first, last, off-grid, zero-volume, digest and every missing range equal the oracle', async () => {
    const expected: OracleSeries[] = JSON.parse(
      await readFile(sharedPath('real-archive/expected-series.json'), 'utf8'),
    );
    expect(expected).toHaveLength(527);
    expect(certificates.map(asOracle).sort(byName)).toEqual(expected.sort(byName));
  });

  test('A16 A17: an hour without a bar is an outage, and a month without an archive is a hole', async () => {
    const { rows } = await queryWarehouse(
      warehouseOf(dataDir),
      `select gap_start::varchar, missing_bars, cause, evidence from gaps
       where instrument_type = 'spot' and symbol = 'BTCUSDT' and timeframe = '1h' order by gap_start`,
    );
    const key = (month: string) => `data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-${month}.zip`;
    const listing = expect.stringMatching(/^listing of 2025-07-01T12:00:00Z$/);
    expect(rows).toEqual([
      ['2017-09-06 16:00:00', 7n, 'exchange_outage', key('2017-09')],
      ['2017-10-01 00:00:00', 1464n, 'archive_hole', listing],
      ['2018-01-01 00:00:00', 25_560n, 'archive_hole', listing],
      ['2020-12-21 15:00:00', 3n, 'exchange_outage', key('2020-12')],
      ['2020-12-25 02:00:00', 1n, 'exchange_outage', key('2020-12')],
      ['2021-01-01 00:00:00', 744n, 'archive_hole', listing],
      ['2021-02-11 04:00:00', 1n, 'exchange_outage', key('2021-02')],
    ]);
  });

  test('every certificate names the archives that were read, and verifies', async () => {
    const directory = await tempDir('check-');
    for (const certificate of certificates.filter(({ timeframe }) => timeframe !== '1d')) {
      expect(certificate.archives.length).toBeGreaterThan(0);
      expect(certificate.archives.reduce((sum, { rows }) => sum + (rows ?? 0), 0)).toBe(certificate.rows);
      const file = join(directory, 'certificate.json');
      await writeFile(file, JSON.stringify(certificate));
      expectExit(await pipelineInProcess(['certify', '--target', 'mirror', '--check', file], { dataDir }), 0);
    }
  });
});

describeShared('the series of the sample archive', () => {
  test('A15 A16 A24: equal the oracle on the same archive written as files, with matching causes', async () => {
    const [archive, dataDir] = [await writtenSample(), await builtSample()];
    const report = join(await tempDir('oracle-'), 'series.json');
    await promisify(execFile)('python3', [sharedPath('tools/oracle_series.py'), archive, report], {
      maxBuffer: 1 << 26,
    });
    const oracle: OracleSeries[] = JSON.parse(await readFile(report, 'utf8'));
    const expected = oracle.filter(({ timeframe }) => timeframe === '1d').sort(byName);
    const found = await certifyAll('sample', dataDir);
    expect(found.map(asOracle).sort(byName)).toEqual(expected);

    const { rows } = await queryWarehouse(
      warehouseOf(dataDir, 'sample'),
      `select symbol, cast(gap_start as date)::varchar, missing_bars, cause from gaps where timeframe = '1d' order by all`,
    );
    expect(rows).toEqual([
      ['FILUSDT', '2025-03-27', 2n, 'archive_hole'],
      ['KAVAUSDT', '2025-05-06', 10n, 'not_trading'],
      ['LUNAUSDT', '2025-03-10', 23n, 'not_trading'],
    ]);
  });
});
