import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareCsv } from '../../../extract/staging/staged-rows.ts';
import { header } from '../../support/archive.ts';
import { tempDir } from '../../support/temp.ts';

const { signal } = new AbortController();
const directory = await tempDir('compare-');

async function compare(before: string, after: string) {
  const [old, now] = [join(directory, 'old.csv'), join(directory, 'now.csv')];
  writeFileSync(old, before);
  writeFileSync(now, after);
  const { rows_changed, rows_added, rows_removed } = await compareCsv(old, now, signal);
  return [rows_changed, rows_added, rows_removed];
}

const start = Date.parse('2024-12-31');
interface Figures {
  readonly close?: string;
  readonly count?: string;
  readonly ignore?: string;
}
const row = (day: number, { close = '1.7', count = '3', ignore = '0' }: Figures = {}, micros = false): string => {
  const open = start + day * 86_400_000;
  const times = micros ? [open * 1000, (open + 86_400_000) * 1000 - 1] : [open, open + 86_399_999];
  return `${times[0]},1.5,2,1,${close},10,${times[1]},17,${count},4,7,${ignore}`;
};
const csv = (...rows: readonly string[]) => `${rows.join('\n')}\n`;

test('A18: changed, added and removed rows are counted by open time', async () => {
  const before = csv(row(1), row(2), row(3), row(4));
  const after = csv(row(0), row(2, { close: '1.8' }), row(4), row(5), row(6));
  expect(await compare(before, after)).toEqual([1, 3, 2]);
  expect(await compare(after, before)).toEqual([1, 2, 3]);
});

test.each([
  ['a header in only one of them (A1)', csv(row(1)), `\ufeff${csv(header, row(1))}`],
  ['line ends and blank lines (A6)', csv(row(1), row(2)), `${row(1)}\r\n${row(2)}`],
  ['a number written differently (A5)', csv(row(1, { close: '1.7' })), csv(row(1, { close: '1.70000000' }))],
  ['ms and µs of one time (A2)', csv(row(1), row(2)), csv(row(1, {}, true), row(2, {}, true))],
  ['a repeated row (A10)', csv(row(1), row(1), row(2)), csv(row(1), row(2))],
  ['the last column (A3)', csv(row(1)), csv(row(1, { ignore: '12.5' }))],
])('%s is not a change', async (_what, before, after) => {
  expect(await compare(before, after)).toEqual([0, 0, 0]);
  expect(await compare(after, before)).toEqual([0, 0, 0]);
});

test('a figure that differs is a change in µs too', async () => {
  expect(await compare(csv(row(1), row(2)), csv(row(1, { count: '4' }, true), row(2, {}, true)))).toEqual([1, 0, 0]);
});

test('any two versions differ exactly as their rows do', async () => {
  const version = fc.uniqueArray(fc.tuple(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 2 })), {
    selector: ([day]) => day,
  });
  await fc.assert(
    fc.asyncProperty(version, version, async (a, b) => {
      const sorted = (rows: typeof a) => [...rows].sort(([x], [y]) => x - y);
      const text = (rows: typeof a) =>
        csv(header, ...sorted(rows).map(([day, count]) => row(day, { count: `${count}` })));
      const [old, now] = [new Map(a), new Map(b)];
      const expected = [
        a.filter(([day, count]) => now.has(day) && now.get(day) !== count).length,
        b.filter(([day]) => !old.has(day)).length,
        a.filter(([day]) => !now.has(day)).length,
      ];
      expect(await compare(text(a), text(b))).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});

test('lines split across two reads are joined', async () => {
  const rows = Array.from({ length: 30_000 }, (_, at) => `${start + at},1.5,2,1,1.7,10,${start + at},17,3,4,7,0`);
  const changed = rows.with(29_999, (rows[29_999] as string).replace('1.7', '1.8'));
  expect(await compare(csv(...rows), csv(...changed.slice(1)))).toEqual([1, 0, 1]);
});

test('an abort ends the comparison', async () => {
  const rows = Array.from({ length: 50_000 }, (_, at) => `${start + at},1.5,2,1,1.7,10,${start + at},17,3,4,7,0`);
  const file = join(directory, 'long.csv');
  writeFileSync(file, csv(...rows));
  await expect(compareCsv(file, file, AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
});
