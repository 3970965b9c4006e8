import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { archiveDirectory, daysFrom } from '../../support/archive.ts';
import { describeShared } from '../../support/shared.ts';
import { tempDir } from '../../support/temp.ts';
import { visionServer } from '../../support/vision-server.ts';
import { ledgerOf, runExtracts, stagedCsvs } from './support.ts';

const symbols = ['BTCUSDT', 'ETHUSDT', '币安人生USDT', '1000PEPEUSDT', 'SOLUSDT'];
const days = daysFrom('2025-07-01', 9);

describeShared('the faults of the independent server', () => {
  let directory: string;
  /** Staged path → CSV, as unzip gives it. */
  const unzipped = new Map<string, string>();

  beforeAll(async () => {
    directory = await tempDir('archive-');
    const archive = archiveDirectory(directory);
    for (const symbol of symbols) {
      for (const day of days) {
        const key = await archive.putDay(symbol, day, { header: day > '2025-07-04' });
        const csv = execFileSync('unzip', ['-p', join(directory, key)]).toString('latin1');
        unzipped.set(`futures-um/1d/${symbol}/${symbol}-1d-${day}.csv`, csv);
      }
    }
  });

  async function runWith(faults: string, vars = {}) {
    await using server = await visionServer(directory, { faults });
    const stagingDir = await tempDir('staging-');
    const run = await runExtracts({ url: server.url, stagingDir, vars, options: { connections: 64 } });
    const stats = await server.stats();
    return { ...run, stagingDir, hits: Object.keys(stats).filter((name) => name.startsWith('fault:')) };
  }

  const bySymbol = (csvs: ReadonlyMap<string, string>) => [...csvs].sort(([a], [b]) => (a < b ? -1 : 1));

  test.each(['500', '503', 'reset', 'truncate', 'corrupt', 'slow', 'stale-etag', 'html'])(
    '%s heals: every CSV is that of its archive',
    async (kind) => {
      // An answer of this kind takes three seconds.
      const rate = kind === 'slow' ? 0.06 : 0.2;
      const { klines, stagingDir, hits } = await runWith(`${kind}=${rate}`);
      expect(hits).toContain(`fault:${kind}`);
      expect(klines.summary).toMatchObject({ new: unzipped.size, rejected: 0, absent: 0, failed: 0 });
      expect(bySymbol(stagedCsvs(stagingDir))).toEqual(bySymbol(unzipped));
    },
    60_000,
  );

  test('all that heal, at 0.1 each', async () => {
    const kinds = ['500', 'reset', 'truncate', 'corrupt', 'stale-etag', 'html'];
    const { stagingDir, hits, listing, klines } = await runWith(kinds.map((kind) => `${kind}=0.1`).join());
    expect(hits).toEqual(expect.arrayContaining(kinds.map((kind) => `fault:${kind}`)));
    expect(Number(listing.summary.retries) + Number(klines.summary.retries)).toBeGreaterThan(10);
    expect(bySymbol(stagedCsvs(stagingDir))).toEqual(bySymbol(unzipped));
  }, 60_000);

  test.each([
    ['gone', 'absent', /^absent: .*404/, {}],
    ['badzip', 'rejected', /^not_a_zip: /, {}],
    ['badsum', 'rejected', /^checksum_mismatch: /, { verify: 'checksum' }],
  ] as const)('%s ends as %s with its reason, and the rest is staged', async (kind, status, reason, vars) => {
    const { klines, stagingDir, hits } = await runWith(`${kind}=0.2`, vars);
    expect(hits).toContain(`fault:${kind}`);
    const bad = [...ledgerOf(stagingDir).values()].filter((entry) => entry.status !== 'staged');
    expect(bad.length).toBeGreaterThan(2);
    for (const entry of bad) expect(entry).toMatchObject({ status, reason: expect.stringMatching(reason) });
    expect(klines).toMatchObject({ status: 'warn', summary: { [status]: bad.length, retries: 0 } });
    const staged = stagedCsvs(stagingDir);
    expect(staged.size).toBe(unzipped.size - bad.length);
    for (const [path, csv] of staged) expect(csv).toBe(unzipped.get(path));
  });
});
