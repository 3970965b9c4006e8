import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import type { StagedFiles } from '../../../engine/index.ts';
import { type ArchiveKey, parseKey } from '../../../exchange/keys.ts';
import { Ledger } from '../../../extract/staging/ledger.ts';
import { stagedFile } from '../../../extract/staging/paths.ts';
import { stagedKlines } from '../../../extract/staging/source.ts';
import { scanCsv } from '../../../extract/verify/csv-scan.ts';
import { schema } from '../../../models/schema.ts';
import { header } from '../../support/archive.ts';
import { tempDir } from '../../support/temp.ts';
import { archive, type Listed, openWorkbench, type Workbench } from './workbench.ts';

let bench: Workbench;
let stagingDir: string;
let directory: string;
beforeEach(async () => {
  bench = await openWorkbench();
  stagingDir = `${await tempDir('staging-')}/data[1]`;
  directory = await tempDir('load-');
  return () => bench[Symbol.asyncDispose]();
});

const asOf = new Date('2025-07-10T09:00:00Z');
const minute = 60_000;
const tables = [schema.staged_klines, schema.overlapping_klines];

/** A day of minutes or more; from 1,440 lines on they are more than 128 KB. */
const minutes = (from: string, count: number, change: (i: number) => string | undefined = () => undefined) =>
  Array.from({ length: count }, (_, i) => {
    const time = Date.parse(`${from}Z`) + i * minute;
    const row = `${time},2.00000000,2.50000000,1.50000000,2.10000000,100.12345678,${time + minute - 1},200.12345678,7,40.12345678,80.12345678,0`;
    return change(i) ?? row;
  });

/**
 * Puts CSVs into a staging area as the extract would; `scanned` gives a file the facts of another, as in an earlier
 * version.
 */
async function stage(files: readonly (Listed & { readonly csv: string; readonly scanned?: string })[]) {
  const ledger = Ledger.open(stagingDir);
  for (const { csv, scanned = csv, ...listed } of files) {
    const key = parseKey(archive(listed).key) as ArchiveKey;
    const scanner = scanCsv(key);
    const facts = scanner.push(Buffer.from(scanned)) ?? scanner.end();
    if ('code' in facts) throw new Error(facts.text);
    const file = stagedFile(stagingDir, key);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, csv);
    const at = asOf.toISOString();
    ledger.record({
      ...{ key: archive(listed).key, etag: 'e', status: 'staged', staged_at: at, last_modified: at, size_bytes: 1 },
      ...{ csv_bytes: Buffer.byteLength(csv), ...facts },
    });
  }
  await bench.stage(...files);
  const opened: Readonly<Record<string, StagedFiles>>[] = [];
  const rejected: string[] = [];
  const source = stagedKlines(ledger, { stagingDir, asOf });
  const staged: typeof source = {
    async open(partitions, options) {
      opened.push(await source.open(partitions, options));
      return opened.at(-1) as Readonly<Record<string, StagedFiles>>;
    },
    async reject(archives) {
      rejected.push(...archives.map(({ key, reason }) => `${key.replace(/^.*\//, '')} ${reason}`));
      await source.reject(archives);
      for (const { key } of archives)
        await bench.warehouse.run(`UPDATE staged_archives SET status = 'rejected' WHERE key = '${key}'`);
    },
  };
  return { opened, rejected, source: { tables, staged, directory, reload: async () => {} } };
}

const summary = () =>
  bench.texts(
    `SELECT symbol, count(*), min("timestamp"), max("timestamp"), sum(number_of_trades) FROM ohlcv GROUP BY symbol ORDER BY symbol`,
  );
const [from, last] = ['2025-06-01 00:00:00', '2025-06-02 00:59:00'];
const june = (symbol: string): Listed => ({ symbol, period: '2025-06', timeframe: '1m' });

test('A1, A6: large files are read in place, with or without header, byte-order mark and CRLF', async () => {
  const rows = minutes('2025-06-01T00:00:00', 1500);
  const csvs = {
    A1USDT: rows.join('\n'),
    B2USDT: `${[header, ...rows].join('\n')}\n`,
    C3USDT: `\ufeff${[header, ...rows].join('\r\n')}\r\n`,
    D4USDT: `\ufeff${rows.join('\n')}\n\n`,
    'E[5]USDT': `${rows.join('\n')}\n`,
    "F'6USDT": `${[header, ...rows].join('\r\n')}\r\n\r\n`,
  };
  const area = await stage(Object.entries(csvs).map(([symbol, csv]) => ({ ...june(symbol), csv })));
  expect(await bench.build('ohlcv', { source: area.source })).toMatchObject({ status: 'pass', rows: 9000 });
  expect(area.opened).toHaveLength(1);
  expect(area.opened[0]?.staged_klines?.inPlace).toHaveLength(6);
  expect(await summary()).toEqual(
    Object.keys(csvs)
      .sort()
      .map((symbol) => [symbol, '1500', from, last, '10500']),
  );
});

test('rows are stored in key order, so that a month of a series is contiguous', async () => {
  const rows = minutes('2025-06-01T00:00:00', 1500);
  const files = ['CUSDT', 'AUSDT', 'BUSDT'].map((symbol) => ({ ...june(symbol), csv: rows.join('\n') }));
  await bench.build('ohlcv', { source: (await stage(files)).source });
  const inOrder = 'SELECT symbol, "timestamp" FROM ohlcv';
  expect(await bench.texts(inOrder)).toEqual(await bench.texts(`${inOrder} ORDER BY symbol, "timestamp"`));
});

test('A6: a file with mixed line ends, which the reader refuses, is read from a normalized copy', async () => {
  const rows = minutes('2025-06-01T00:00:00', 1500);
  const csv = rows.map((row, i) => row + (i % 3 === 0 ? '\r\n' : '\n')).join('');
  const area = await stage([{ ...june('AUSDT'), csv }]);
  expect(await bench.build('ohlcv', { source: area.source })).toMatchObject({
    status: 'pass',
    rows: 1500,
    rejected: 0,
  });
  expect(await summary()).toEqual([['AUSDT', '1500', from, last, '10500']]);
});

test('an impossible value in a large file is named with its row, and the rest is loaded', async () => {
  const rows = minutes('2025-06-01T00:00:00', 1500);
  const bad = minutes('2025-06-01T00:00:00', 1500, (i) =>
    i === 1233 ? rows[i]?.replace(',100.12345678,', ',-3.2,') : undefined,
  );
  const area = await stage([
    { ...june('AUSDT'), csv: rows.join('\n') },
    { ...june('BUSDT'), csv: [header, ...bad].join('\r\n') },
    { ...june('CUSDT'), csv: rows.slice(0, 3).join('\n') },
  ]);
  expect(await bench.build('ohlcv', { source: area.source })).toMatchObject({
    status: 'pass',
    rows: 1503,
    rejected: 1,
  });
  expect(area.rejected).toEqual(['BUSDT-1m-2025-06.zip negative_value: row 1234, volume -3.2']);
  expect((await summary()).map(([symbol]) => symbol)).toEqual(['AUSDT', 'CUSDT']);
});

test('A31: a header with other columns, accepted by an earlier version, affects only its own archive', async () => {
  const swapped = header.replace('open,high,low,close', 'close,high,low,open');
  const small = minutes('2025-06-01T00:00:00', 3);
  const large = minutes('2025-06-01T00:00:00', 1500);
  const under = (first: string, rows: readonly string[]) => `${[first, ...rows].join('\n')}\n`;
  const area = await stage([
    { ...june('AUSDT'), csv: under(header, large) },
    { ...june('BUSDT'), csv: under(swapped, large), scanned: under(header, large) },
    { ...june('CUSDT'), csv: under(header, small) },
    { ...june('DUSDT'), csv: under(swapped, small), scanned: under(header, small) },
  ]);
  expect(await bench.build('ohlcv', { source: area.source })).toMatchObject({
    status: 'pass',
    rows: 1503,
    rejected: 2,
  });
  const reason = 'header_order: column 2 of the header is "close" instead of open: the columns are in another order';
  expect([...area.rejected].sort()).toEqual([`BUSDT-1m-2025-06.zip ${reason}`, `DUSDT-1m-2025-06.zip ${reason}`]);
  expect((await summary()).map(([symbol]) => symbol)).toEqual(['AUSDT', 'CUSDT']);
});

test('A10, A12: only partitions that may repeat a bar are read with deduplication', async () => {
  const [first = '', ...rest] = minutes('2025-06-01T00:00:00', 1500);
  const second = minutes('2025-06-02T00:00:00', 1440, (i) => (i === 0 ? rest[1439]?.replace(',7,', ',8,') : undefined));
  const area = await stage([
    { ...june('AUSDT'), csv: [first, first, ...rest].join('\n') },
    { ...june('BUSDT'), csv: [first, ...rest].join('\n') },
    { symbol: 'BUSDT', period: '2025-06-02', timeframe: '1m', csv: second.join('\n') },
    { ...june('CUSDT'), csv: [first, ...rest].join('\n') },
    { symbol: 'CUSDT', period: '2025-06-03', timeframe: '1m', csv: minutes('2025-06-03T00:00:00', 1440).join('\n') },
  ]);
  expect(await bench.build('ohlcv', { source: area.source })).toMatchObject({ status: 'pass', rejected: 0 });
  const [{ staged_klines: once, overlapping_klines: twice } = {}] = area.opened;
  const symbols = (files: StagedFiles | undefined) => files?.inPlace?.map(({ values }) => values[2]);
  expect([symbols(once), symbols(twice)]).toEqual([
    ['CUSDT', 'CUSDT'],
    ['AUSDT', 'BUSDT', 'BUSDT'],
  ]);
  expect(await summary()).toEqual([
    ['AUSDT', '1500', from, last, '10500'],
    ['BUSDT', '2880', from, '2025-06-02 23:59:00', '20161'],
    ['CUSDT', '2940', from, '2025-06-03 23:59:00', '20580'],
  ]);
});
