import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadFeed } from '../../../engine/duckdb/feeds.ts';
import type { Table } from '../../../engine/schema/table.ts';
import { columns, defectOf } from '../../../exchange/bar-rules.ts';
import klines from '../../../extract/klines.ts';
import { schema } from '../../../models/schema.ts';
import { tempDir } from '../../support/temp.ts';
import { openBucket } from '../extract/bucket.ts';
import { asOf, keyOf, runExtracts } from '../extract/support.ts';
import { openWorkbench } from './workbench.ts';

const day = '2025-07-08';
const open = Date.parse(day);
/** Wide enough for most numbers to pass the rules next to the others. */
const usual: Readonly<Record<string, string>> = {
  ...{ open_time: `${open}`, open: '1', high: '1E9', low: '0', close: '1', volume: '1E9', close_time: `${open + 1}` },
  ...{ quote_volume: '1E9', count: '7', taker_buy_volume: '0', taker_buy_quote_volume: '0', ignore: '0' },
};
const stored: Readonly<Record<string, string>> = {
  ...{ quote_volume: 'quote_asset_volume', count: 'number_of_trades' },
  taker_buy_volume: 'taker_buy_base_asset_volume',
  taker_buy_quote_volume: 'taker_buy_quote_asset_volume',
};

/** The archive's grammar (A34), written independently of the product's. */
const isNumber = (text: string): boolean => /^[-]?[0-9]+([.][0-9]+)?([eE][-]?[0-9]+)?$/.test(text);

const number = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true, min: 0, max: 1e9 }).map(String),
  fc.stringMatching(/^\d{1,9}\.\d{1,40}$/),
  fc.stringMatching(/^\d{1,12}([eE]-?\d{1,3})?$/),
  fc.constantFrom('0E-8', '1E-8', '-0', '-0.0', '5e-324', '2e-324', '1E400', '9007199254740991', '9007199254740992'),
  // Halfway between two doubles, and one digit above and below.
  fc.constantFrom('9007199254740993.0', '9007199254740993.00000000000000000001', '0.500000000000000055511151231257827'),
);
const other = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'0123456789.-+eE_ xXnaifd'), maxLength: 7 }),
  fc.constantFrom('', '1_000', ' 1', '1 ', '+1', '.5', '5.', '0x1F', '0b1', 'nan', 'inf', '-inf', 'Infinity', '1e+5'),
);
const field = fc.record({
  column: fc.constantFrom(...columns.slice(1)),
  text: fc.oneof(number, other),
  /** The row appears twice, so that its partition is read as one that may repeat bars (A10). */
  twice: fc.boolean(),
});

test('A34: any text in any column is read as the nearest double, or its archive is refused', async () => {
  let [loaded, refused] = [0, 0];
  await fc.assert(
    fc.asyncProperty(fc.array(field, { minLength: 50, maxLength: 60 }), async (fields) => {
      await using bucket = await openBucket();
      await using bench = await openWorkbench();
      const [stagingDir, directory] = [await tempDir('staging-'), await tempDir('load-')];
      const rows = fields.map(({ column, text }) =>
        columns.map((name) => (name === column ? text : (usual[name] ?? ''))),
      );
      for (const [i, row] of rows.entries())
        bucket.putArchive(keyOf(day, `S${i}USDT`), Array(fields[i]?.twice ? 2 : 1).fill(row.join(',')));
      await runExtracts({ url: bucket.url, stagingDir });

      const staged = () => klines.staged({ stagingDir, asOf });
      async function reload(): Promise<void> {
        const feed = (await staged()).feeds?.staged_archives;
        if (feed)
          await loadFeed(bench.warehouse, schema.staged_archives as Table, feed, {
            directory,
            runId: 'run',
            readers: [],
          });
      }
      await reload();
      const { source } = await staged();
      if (source === undefined) throw new Error('the extract has no source');
      const tables = [schema.staged_klines, schema.overlapping_klines];
      const build = await bench.build('ohlcv', { source: { tables, staged: source, directory, reload } });
      expect(build.status).toBe('pass');

      const bars = await bench.warehouse.rows<Record<string, unknown>>(
        'SELECT *, epoch_us(close_time) AS closes FROM ohlcv',
      );
      const bySymbol = new Map(bars.map((bar) => [bar.symbol, bar]));
      for (const [i, { column, text }] of fields.entries()) {
        const bar = bySymbol.get(`S${i}USDT`);
        const isFine = isNumber(text) && defectOf(rows[i] as string[]) === undefined;
        expect([column, text, bar !== undefined]).toEqual([column, text, isFine]);
        if (bar === undefined) refused++;
        else loaded++;
        if (bar === undefined || column === 'ignore') continue;
        const found = Number(bar[column === 'close_time' ? 'closes' : (stored[column] ?? column)]);
        const value = Number(text);
        const expected = column === 'close_time' && Math.abs(value) < 1e15 ? value * 1000 : value;
        const same = column === 'close_time' || column === 'count' ? found === expected : Object.is(found, expected);
        expect([column, text, found, same]).toEqual([column, text, found, true]);
      }
    }),
    { numRuns: 3 },
  );
  expect(Math.min(loaded, refused)).toBeGreaterThan(10);
});
