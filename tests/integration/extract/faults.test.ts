import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { archiveDirectory, daysFrom } from '../../support/archive.ts';
import { describeShared } from '../../support/shared.ts';
import { tempDir } from '../../support/temp.ts';
import { visionServer } from '../../support/vision-server.ts';
import { ledgerOf, runExtracts, stagedCsvs } from './support.ts';

const symbols = ['BTCUSDT', 'ETHUSDT', '币安人生USDT', '1000PEPEUSDT', 'SOLUSDT', 'XRPUSDT', 'BTCUSDT_250926', '4USDT'];
const days = daysFrom('2025-06-10', 30);

/** Kinds that answer wrongly once or twice; the last two do not affect listings. */
const onBoth = ['500', '503', 'reset', 'truncate', 'html', 'slow'] as const;
const healing = [...onBoth, 'corrupt', 'stale-etag'] as const;

describeShared('B11: the faults of the independent server', () => {
  let directory: string;
  /** Staged path → CSV as unzip returns it. */
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

  async function runWith(faults: string, { vars = {}, seed = '1' } = {}) {
    await using server = await visionServer(directory, { faults, seed });
    const stagingDir = await tempDir('staging-');
    const run = await runExtracts({ url: server.url, stagingDir, vars, options: { connections: 128 } });
    const stats = await server.stats();
    const hits = Object.keys(stats).filter((name) => name.startsWith('fault:'));
    return { ...run, stagingDir, hits: hits.map((name) => name.slice('fault:'.length)) };
  }

  const bySymbol = (csvs: ReadonlyMap<string, string>) => [...csvs].sort(([a], [b]) => (a < b ? -1 : 1));

  test.each(healing)(
    '%s is overcome, and every CSV is that of its archive',
    async (kind) => {
      const { klines, stagingDir, hits } = await runWith(`${kind}=0.2`);
      expect(hits).toContain(kind);
      if (onBoth.some((one) => one === kind)) expect(hits).toContain(`list:${kind}`);
      expect(klines.summary).toMatchObject({ new: unzipped.size, rejected: 0, absent: 0, failed: 0 });
      expect(bySymbol(stagedCsvs(stagingDir))).toEqual(bySymbol(unzipped));
    },
    60_000,
  );

  test('all transient faults at once, at 0.03 each, are overcome', async () => {
    // With this seed every kind hits an archive, and three of them hit listings.
    const { stagingDir, hits, listing, klines } = await runWith(healing.map((kind) => `${kind}=0.03`).join(), {
      seed: '3',
    });
    expect(hits).toEqual(expect.arrayContaining([...healing]));
    expect(hits.filter((hit) => hit.startsWith('list:')).length).toBeGreaterThanOrEqual(3);
    expect(Number(listing.summary.retries) + Number(klines.summary.retries)).toBeGreaterThan(10);
    expect(klines.summary).toMatchObject({ new: unzipped.size, rejected: 0, absent: 0, failed: 0 });
    expect(bySymbol(stagedCsvs(stagingDir))).toEqual(bySymbol(unzipped));
  }, 60_000);

  test.each([
    ['gone', 'absent', /^absent: .*404/, {}],
    ['badzip', 'rejected', /^not_a_zip: /, {}],
    ['badsum', 'rejected', /^checksum_mismatch: /, { verify: 'checksum' }],
  ] as const)('%s ends as %s with its reason, and the rest is staged', async (kind, status, reason, vars) => {
    const { klines, stagingDir, hits } = await runWith(`${kind}=0.2`, { vars: { ...vars, max_failed: 0.5 } });
    expect(hits).toContain(kind);
    const bad = [...ledgerOf(stagingDir).values()].filter((entry) => entry.status !== 'staged');
    expect(bad.length).toBeGreaterThan(2);
    for (const entry of bad) expect(entry).toMatchObject({ status, reason: expect.stringMatching(reason) });
    expect(klines).toMatchObject({ status: 'warn', summary: { [status]: bad.length, retries: 0 } });
    const staged = stagedCsvs(stagingDir);
    expect(staged.size).toBe(unzipped.size - bad.length);
    for (const [path, csv] of staged) expect(csv).toBe(unzipped.get(path));
  });
});
