import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ArchiveDirectory, daysFrom, smallArchive, writeSmallArchive } from '../support/archive.ts';
import { pipelineInProcess } from '../support/pipeline.ts';
import { expectExit, expectSameRows, publishedRows, warehouseOf } from '../support/published.ts';
import { queryWarehouse, readParquet, type Value } from '../support/rows.ts';
import { type ServedArchive, serveArchive } from '../support/serve.ts';
import { tempDir } from '../support/temp.ts';

interface Mirror extends AsyncDisposable {
  readonly archive: ArchiveDirectory;
  readonly server: ServedArchive;
  readonly dataDir: string;
  /** Runs on the current archive. The default as-of is the morning after the small archive's last day. */
  run(options: { asOf?: string; args?: readonly string[]; vars?: object }): Promise<void>;
  /** The rows of a run from nothing on the current archive. */
  rowsFromNothing(options: { asOf?: string; vars?: object }): ReturnType<typeof publishedRows>;
  query(sql: string): Promise<readonly (readonly Value[])[]>;
}

async function mirror(days: readonly string[] = smallArchive.days): Promise<Mirror> {
  const archive = await writeSmallArchive(await tempDir('small-'), { days });
  const server = await serveArchive(archive.directory);
  const dataDir = await tempDir('incremental-');
  async function runIn(
    directory: string,
    { asOf = smallArchive.asOf, args = [], vars = {} }: Parameters<Mirror['run']>[0],
  ) {
    await server.rescan();
    const allVars = JSON.stringify({ availability_timeframe: '1d', ...vars });
    const fixed = ['run', '--target', 'mirror', '--as-of', asOf, '--vars', allVars];
    expectExit(
      await pipelineInProcess([...fixed, ...args], { dataDir: directory, env: { PIPELINE_ARCHIVE_URL: server.url } }),
      0,
    );
  }
  return {
    archive,
    server,
    dataDir,
    run: (options) => runIn(dataDir, options),
    async rowsFromNothing(options) {
      const directory = await tempDir('from-nothing-');
      await runIn(directory, options);
      return publishedRows(directory);
    },
    query: async (sql) => (await queryWarehouse(warehouseOf(dataDir), sql)).rows,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

describe('incremental equals full', () => {
  test('B2 B3 A21: when a daily file of an old month arrives late', async () => {
    await using it = await mirror();
    const late = '2025-06-03';
    const june = smallArchive.days.filter((day) => day.startsWith('2025-06') && day !== late);
    await it.archive.remove(await it.archive.putDay('ETHUSDT', late));
    await it.archive.putMonth('ETHUSDT', june);
    await it.run({});
    const onDay = (day: string) =>
      it.query(
        `select days_available, rank_change_1d from volume_rankings where symbol = 'ETHUSDT' and date = '${day}'`,
      );
    expect(await onDay(late)).toEqual([]);
    const [[availableBefore, changeBefore] = []] = await onDay('2025-06-04');
    expect(changeBefore).toBeNull();

    await it.archive.putDay('ETHUSDT', late);
    await it.run({ args: ['--relist'] });
    expect(await onDay(late)).toHaveLength(1);
    const [[available, change] = []] = await onDay('2025-06-04');
    expect(change).not.toBeNull();
    expect(available).toBe(Number(availableBefore) + 1);
    await expectSameRows(it.dataDir, await it.rowsFromNothing({}));
  });

  test('A18: when an old file is re-issued with different figures', async () => {
    await using it = await mirror();
    await it.run({});
    await it.archive.putMonth(
      'SOLUSDT',
      smallArchive.days.filter((day) => day.startsWith('2025-06')),
      {
        edition: 2,
        published: new Date('2025-07-08T10:00:00Z'),
      },
    );
    await it.run({ args: ['--relist'] });
    await expectSameRows(it.dataDir, await it.rowsFromNothing({}));
    expect(
      await it.query(`select split_part(key, '/', -1), revision, rows_changed, rows_added, rows_removed
        from archive_revisions`),
    ).toEqual([['SOLUSDT-1d-2025-06.zip', 1, 30n, 0n, 0n]]);
  });

  test('A18: without --relist, when a re-issued file is found because the last whole listing is old', async () => {
    await using it = await mirror();
    await it.run({});
    await it.archive.putMonth(
      'SOLUSDT',
      smallArchive.days.filter((day) => day.startsWith('2025-05')),
      { edition: 2, published: new Date('2025-07-10T10:00:00Z') },
    );
    const asOf = '2025-07-17T12:00:00Z';
    await it.run({ asOf });
    await expectSameRows(it.dataDir, await it.rowsFromNothing({ asOf }));
  });

  test('B1: day after day, and a refresh without volumes keeps the existing ones', async () => {
    const [last = '', next = ''] = daysFrom('2025-07-08', 2);
    await using it = await mirror(smallArchive.days.filter((day) => day < last));
    await it.run({ asOf: `${last}T12:00:00Z` });
    const volumes = () =>
      it.query(
        `select date, symbol, quote_volume_usdt, trade_count, close_price from daily_availability where date < '${last}' order by all`,
      );
    const before = await volumes();
    expect(before.filter(([, , quoteVolume]) => quoteVolume !== null).length).toBeGreaterThan(200);

    for (const symbol of smallArchive.symbols) await it.archive.putDay(symbol, last);
    const asOf = `${next}T12:00:00Z`;
    await it.run({ asOf, args: ['--no-collect-volume'] });
    expect(await volumes()).toEqual(before);
    const newest = await it.query(
      `select count(*), count(quote_volume_usdt) from daily_availability where date = '${last}'`,
    );
    expect(newest).toEqual([[BigInt(smallArchive.symbols.length), 0n]]);

    await it.run({ asOf });
    expect(await volumes()).toEqual(before);
    await expectSameRows(it.dataDir, await it.rowsFromNothing({ asOf }));
  });

  test('after a var is changed and changed back, with selections in between', async () => {
    await using it = await mirror();
    await it.run({});
    const dollars = { ranking_quote_assets: ['USDT', 'USDC'] };
    await it.run({ vars: dollars, args: ['--select', 'rankings'] });
    await expectSameRows(it.dataDir, await it.rowsFromNothing({ vars: dollars }));

    await it.run({ vars: { grace_days: 2 }, args: ['--select', 'availability'] });
    await it.run({ args: ['--select', 'rankings'] });
    await it.run({});
    await expectSameRows(it.dataDir, await it.rowsFromNothing({}));
  });

  test('when partial selections build one layer at a time, in rows and exports', async () => {
    const last = smallArchive.days.at(-1) ?? '';
    await using it = await mirror(smallArchive.days.filter((day) => day < last));
    await it.run({});
    for (const symbol of smallArchive.symbols) await it.archive.putDay(symbol, last);
    await it.archive.putDay('XRPUSDT', '2025-07-02', { edition: 3 });
    await it.run({ args: ['--relist', '--select', '+ohlcv'] });
    await it.run({ args: ['--select', 'symbols'] });
    await it.run({ args: ['--select', 'availability'] });
    await it.run({ args: ['--select', 'rankings'] });

    const expected = await it.rowsFromNothing({});
    await expectSameRows(it.dataDir, expected);
    const exported = await readParquet(join(it.dataDir, 'mirror/exports/volume_rankings.parquet'));
    expect(exported.rows.map((row) => row.slice(0, -1))).toEqual(expected.get('volume_rankings')?.rows);
  });

  test('B4: only USDT perpetuals are ranked, no settled copy, delivery contract or other quote asset', async () => {
    await using it = await mirror();
    for (const day of smallArchive.days.slice(-9)) await it.archive.putDay('SOLUSDTSETTLED', day);
    await it.run({});
    const ranked = await it.query('select distinct symbol from volume_rankings order by symbol');
    expect(ranked.flat()).toEqual(['1000PEPEUSDT', 'BTCUSDT', 'ETHUSDT', 'SOLUSDT', 'XRPUSDT', '币安人生USDT']);
  });
});
