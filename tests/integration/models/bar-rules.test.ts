import fc from 'fast-check';
import { expect, test } from 'vitest';
import { columns, defectOf } from '../../../exchange/bar-rules.ts';
import { archive, openWorkbench } from './workbench.ts';

const day = '2025-07-01';
const open = Date.parse(day);

/** Numbers in the archive's grammar, some of which break a rule. */
const oddly = (...usual: readonly string[]) =>
  fc.oneof(
    { weight: 12, arbitrary: fc.constantFrom(...usual) },
    { weight: 1, arbitrary: fc.constantFrom('0', '-0', '-1.5', '0E-8', '7.5', '1e300', '1E400', '9007199254740993') },
    { weight: 1, arbitrary: fc.constantFrom('1.49999999999999999', '2.00000000000000001', '1E-8', '5e-324', '1e999') },
  );
const bar = fc.record({
  open: oddly('1.5', '2', '1.50000000'),
  high: oddly('2.5', '2', '2.0'),
  low: oddly('1', '1.5', '1.2'),
  close: oddly('1.7', '2', '1.5'),
  volume: oddly('100', '40'),
  close_time: oddly(`${open + 86_399_999}`, `${open}`, '0'),
  quote_volume: oddly('200', '80.0'),
  count: oddly('7', '7.0', '0'),
  taker_buy_volume: oddly('40', '40.00000000', '0.1'),
  taker_buy_quote_volume: oddly('80', '0.0'),
  ignore: fc.constantFrom('0', '39713.40', '-1', '1e-8'),
});
const bars = fc.array(bar, { minLength: 40, maxLength: 60 });

test('the load, known_defects and the data tests of ohlcv apply the same rules to a bar (A11, A14, B25)', async () => {
  const verdicts = new Set<string | undefined>();
  await fc.assert(
    fc.asyncProperty(bars, fc.boolean(), async (all, twice) => {
      await using bench = await openWorkbench();
      const listed = all.map((_, i) => ({ symbol: `S${i}USDT`, period: day }));
      const rows = all.map((one) => columns.map((column) => (column === 'open_time' ? `${open}` : one[column])));
      const lines = rows.map((row, i): [string, string[]] => {
        const line = row.join(',');
        return [archive(listed[i] as (typeof listed)[number]).key, twice ? [line, line] : [line]];
      });
      await bench.stage(...listed);
      const { source, rejected } = bench.source(Object.fromEntries(lines));
      const built = await bench.build('ohlcv', { source, tests: await bench.tests('ohlcv') });

      const expected = rows.map((row) => defectOf(row));
      const reasons = expected.map((found) => found && `${found.code}: row 1, ${found.says}`);
      expect(lines.map(([key]) => rejected[key])).toEqual(reasons);
      expect(built).toMatchObject({ status: 'pass', rows: expected.filter((found) => found === undefined).length });
      for (const found of expected) verdicts.add(found?.code);
    }),
    { numRuns: 6 },
  );
  const all = ['not_a_number', 'negative_value', 'ohlc_nonsense', 'taker_above_total', undefined];
  expect(verdicts).toEqual(new Set(all));
});
