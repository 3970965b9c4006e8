import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openWarehouse } from '../../../engine/duckdb/warehouse.ts';
import { formatBytes } from '../../../engine/format.ts';
import { parseSize, sizePattern } from '../../../engine/units.ts';

test.each([
  ['0 B', 0],
  ['999 B', 999],
  ['1 kB', 1_000],
  ['1 KB', 1_000],
  ['500 MB', 500_000_000],
  ['1 GB', 1_000_000_000],
  ['1.5 TB', 1_500_000_000_000],
  ['64 MiB', 67_108_864],
  ['512 KiB', 524_288],
  ['4GB', 4_000_000_000],
  ['4gib', 4_294_967_296],
  ['0.001 KiB', 1],
])('%s is %i bytes', (text, bytes) => {
  expect(parseSize(text)).toBe(bytes);
});

test.each(['', '64', 'MB', '64 M', '64  MB', ' 64 MB', '-1 GB', '1,5 GB', '1e3 B', '64 iB', '64 MiBs', '1 PB'])(
  '%j is not a size',
  (text) => {
    expect(parseSize(text)).toBeUndefined();
    expect(sizePattern.test(text)).toBe(false);
  },
);

test('a size that a report prints is read back as the rounded size', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 999_949_999_999_999 }), (bytes) => {
      const read = parseSize(formatBytes(bytes)) as number;
      expect(Math.abs(read - bytes)).toBeLessThanOrEqual(bytes * 0.05);
    }),
  );
});

test('DuckDB gives each unit the same meaning', async () => {
  for (const unit of ['KB', 'MB', 'GB', 'TB', 'KiB', 'MiB', 'GiB', 'TiB']) {
    const memoryLimit = `${unit.startsWith('K') ? 900_000 : 900} ${unit}`;
    await using warehouse = await openWarehouse({ file: ':memory:', memoryLimit });
    const { limit } = await warehouse.row<{ limit: string }>(`SELECT current_setting('memory_limit') AS "limit"`);
    const [read, ours] = [parseSize(limit) as number, parseSize(memoryLimit) as number];
    expect(Math.abs(read / ours - 1), `${memoryLimit} is ${limit}`).toBeLessThan(0.001);
  }
});
