import { appendFileSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { csvLine } from '../../../engine/csv-line.ts';
import { sqlTimestampOfMicros } from '../../../extract/feeds.ts';
import { writeBatches } from '../../../extract/staging/batches.ts';
import { type LedgerEntry, parseEntry } from '../../../extract/staging/journal.ts';
import { Ledger } from '../../../extract/staging/ledger.ts';
import { header } from '../../support/archive.ts';
import { tempDir } from '../../support/temp.ts';
import { line } from './support.ts';

const entry = (name: string, etag = 'e1'): LedgerEntry => ({
  key: `data/${name}.zip`,
  etag,
  status: 'staged',
  staged_at: '2025-07-10T09:00:00.000Z',
  last_modified: '2025-07-09T08:35:00.000Z',
  size_bytes: 300,
});

describe('the ledger', () => {
  test('remembers the last entry of a key', async () => {
    const directory = await tempDir();
    using ledger = Ledger.open(directory);
    for (const it of [entry('a'), entry('币'), entry('a', 'e2')]) ledger.record(it);
    const again = Ledger.open(directory);
    expect([...again.entries()]).toEqual([entry('a', 'e2'), entry('币')]);
    expect(again.digest).toBe(ledger.digest);
  });

  test('has a new digest after each entry, and the same one for the same journal', async () => {
    const directory = await tempDir();
    const digests = [Ledger.open(directory).digest];
    for (const etag of ['e1', 'e2']) {
      using ledger = Ledger.open(directory);
      ledger.record(entry('a', etag));
      digests.push(ledger.digest);
    }
    expect(new Set(digests).size).toBe(3);
    expect(Ledger.open(directory).digest).toBe(digests.at(-1));
  });

  test('drops a line that a kill has torn, wherever it was torn', async () => {
    const directory = await tempDir();
    const file = join(directory, 'journal.jsonl');
    {
      using ledger = Ledger.open(directory);
      ledger.record(entry('a'));
      ledger.record(entry('b'));
    }
    const whole = readFileSync(file);
    const first = whole.indexOf('\n') + 1;
    for (let length = first; length < whole.length; length += 9) {
      writeFileSync(file, whole.subarray(0, length));
      using ledger = Ledger.open(directory);
      expect([...ledger.entries()]).toEqual([entry('a')]);
      ledger.record(entry('c'));
      expect([...Ledger.open(directory).entries()]).toEqual([entry('a'), entry('c')]);
    }
  });

  test('skips damaged lines and counts them', async () => {
    const directory = await tempDir();
    {
      using ledger = Ledger.open(directory);
      ledger.record(entry('a'));
    }
    appendFileSync(join(directory, 'journal.jsonl'), '{"key":"x\nnull\n[]\n');
    {
      using ledger = Ledger.open(directory);
      ledger.record(entry('b'));
    }
    const ledger = Ledger.open(directory);
    expect([...ledger.entries()]).toEqual([entry('a'), entry('b')]);
    expect(ledger.unreadable).toBe(3);
  });

  test('is compacted, sorted by key, once more than half of its lines are superseded', async () => {
    const directory = await tempDir();
    using ledger = Ledger.open(directory);
    for (const etag of ['e1', 'e2']) for (const name of ['b', 'a']) ledger.record(entry(name, etag));
    ledger.compact();
    const lines = () => readFileSync(join(directory, 'journal.jsonl'), 'utf8').split('\n').slice(0, -1);
    expect(lines()).toHaveLength(4);
    ledger.record(entry('a', 'e3'));
    ledger.compact();
    expect(lines().map(parseEntry)).toEqual([entry('a', 'e3'), entry('b', 'e2')]);
    ledger.record(entry('c'));
    const again = Ledger.open(directory);
    expect([...again.entries()]).toHaveLength(3);
    expect(again.digest).toBe(ledger.digest);
  });

  test('a truncated journal opens like one that ends there', async () => {
    const directory = await tempDir();
    const file = join(directory, 'journal.jsonl');
    {
      using ledger = Ledger.open(directory);
      for (const name of ['a', 'b', 'c']) ledger.record(entry(name));
    }
    truncateSync(file, statSync(file).size - 5);
    expect([...Ledger.open(directory).entries()].map(({ key }) => key)).toEqual(['data/a.zip', 'data/b.zip']);
  });
});

describe('batches', () => {
  const never = new AbortController().signal;

  async function batchesOf(csvs: readonly string[]) {
    const directory = await tempDir();
    const refused: [key: string, code: string][] = [];
    const archives = csvs.map((csv, i) => {
      writeFileSync(join(directory, `${i}.csv`), csv);
      return { key: `data/k${i}.zip`, file: join(directory, `${i}.csv`), prefix: `k${i},` };
    });
    const { files, digests } = await writeBatches(
      archives,
      join(directory, 'out'),
      (key, { code }) => refused.push([key, code]),
      never,
    );
    for (const [i, csv] of csvs.entries()) {
      const crc = crc32(csv).toString(16).padStart(8, '0');
      expect(digests.get(`data/k${i}.zip`)).toEqual({ bytes: Buffer.byteLength(csv), crc32: crc });
    }
    const text = files.map((file) => readFileSync(file, 'utf8')).join('');
    expect(text === '' || text.endsWith('\n')).toBe(true);
    return { files, refused, lines: text.split('\n').slice(0, -1) };
  }

  test('without rows are one empty file', async () => {
    const { files, lines } = await batchesOf([]);
    expect(files).toHaveLength(1);
    expect(lines).toEqual([]);
  });

  test('have the data lines of any staged CSV, each after its prefix', async () => {
    const rows = fc.array(
      fc.integer({ min: 1e12, max: 2e12 }).map((time) => line(time)),
      { minLength: 1, maxLength: 40 },
    );
    const csv = fc.tuple(
      fc.constantFrom('', '\ufeff'),
      fc.boolean(),
      rows,
      fc.constantFrom('\n', '\r\n'),
      fc.constantFrom('', '\n', '\r\n\n'),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(csv, { maxLength: 4 }), async (csvs) => {
        const texts = csvs.map(
          ([mark, hasHeader, lines, newline, ending]) =>
            mark + [...(hasHeader ? [header] : []), ...lines].join(newline) + ending,
        );
        const { lines, refused } = await batchesOf(texts);
        expect(refused).toEqual([]);
        expect(lines).toEqual(csvs.flatMap(([, , of], i) => of.map((row) => `k${i},${row}`)));
      }),
      { numRuns: 40 },
    );
  });

  test('join lines split across two reads', async () => {
    const rows = Array.from({ length: 40_000 }, (_, i) => line(1_700_000_000_000 + i));
    const { lines } = await batchesOf([[header, ...rows].join('\r\n')]);
    expect(lines).toHaveLength(rows.length);
    expect(lines.every((text, i) => text === `k0,${rows[i]}`)).toBe(true);
  });

  test('have no digest of a missing staged CSV', async () => {
    const directory = await tempDir();
    const gone = [{ key: 'data/x.zip', file: join(directory, 'x.csv'), prefix: 'x,' }];
    const { files, digests } = await writeBatches(gone, join(directory, 'out'), () => {}, never);
    expect(files.map((file) => readFileSync(file, 'utf8'))).toEqual(['']);
    expect(digests.size).toBe(0);
  });

  test('A31: refuse an archive whose header names other columns', async () => {
    const csvs = [header, header.replace('open,high', 'high,open'), `\ufeff${header.replace('count', 'n')}\r`, 'open'];
    const { refused } = await batchesOf(csvs.map((text) => `${text}\n${line(1_700_000_000_000)}\n`));
    expect(refused).toEqual([
      ['data/k1.zip', 'header_order'],
      ['data/k2.zip', 'header_unknown'],
      ['data/k3.zip', 'field_count'],
    ]);
  });
});

test('a CSV line quotes where needed, and distinguishes NULL from the empty string', () => {
  expect(csvLine(['a', null, '', 'x,"y"', 'two\nlines', ' x', 1.5])).toBe('a,,"","x,""y""","two\nlines"," x",1.5\n');
});

test('A2: every µs is kept', () => {
  expect(sqlTimestampOfMicros(1_735_689_600_000_001)).toBe('2025-01-01 00:00:00.000001');
  expect(sqlTimestampOfMicros(1_517_452_094_789_000)).toBe('2018-02-01 02:28:14.789000');
});
