import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  intactObjects,
  type ListedObject,
  peekSeries,
  readObjects,
  seriesFile,
  storedSeries,
  writeSeries,
} from '../../../extract/listing/series-state.ts';
import { readAsked, writeAsked } from '../../../extract/rest/coverage.ts';
import { isIntact, seal } from '../../../extract/staging/crc.ts';
import type { LedgerEntry } from '../../../extract/staging/journal.ts';
import { Ledger } from '../../../extract/staging/ledger.ts';
import { tempDir } from '../../support/temp.ts';
import { headOf, keyOf, objectsOf } from './support.ts';

/** Damages a file between two runs: flips a byte, zeroes it, or cuts off its end. */
type Damage = 'zeroed' | { readonly cut: number } | { readonly at: number; readonly bits: number };

const damage: fc.Arbitrary<Damage> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ at: fc.nat(), bits: fc.integer({ min: 1, max: 255 }) }) },
  fc.constant('zeroed' as const),
  fc.record({ cut: fc.nat() }),
);

function damaged(bytes: Buffer, how: Damage): Buffer {
  if (how === 'zeroed') return Buffer.alloc(bytes.length);
  if ('cut' in how) return bytes.subarray(0, how.cut % bytes.length);
  const copy = Buffer.from(bytes);
  const at = how.at % bytes.length;
  copy[at] = (copy[at] as number) ^ how.bits;
  return copy;
}

const entryOf = (name: string, etag: string): LedgerEntry => ({
  key: `data/${name}.zip`,
  etag,
  status: 'staged',
  staged_at: '2025-07-10T09:00:00.000Z',
  last_modified: '2025-07-09T08:35:00.000Z',
  size_bytes: 300,
  csv_bytes: 600,
  csv_crc32: '0123abcd',
  row_count: 7,
});

describe('B26: a damaged', () => {
  test('journal returns the last entry of each archive or nothing, and never an entry that was not written', async () => {
    const directory = await tempDir();
    const file = join(directory, 'journal.jsonl');
    {
      using ledger = Ledger.open(directory);
      for (const name of ['a', '币', 'b']) ledger.record(entryOf(name, `${name}1`));
    }
    const whole = readFileSync(file);
    const written = new Map([...Ledger.open(directory).entries()].map((entry) => [entry.key, entry]));
    fc.assert(
      fc.property(damage, (how) => {
        writeFileSync(file, damaged(whole, how));
        using ledger = Ledger.open(directory);
        const before = ledger.unreadable;
        for (const entry of ledger.entries()) expect(entry).toEqual(written.get(entry.key));
        ledger.compact();
        expect([ledger.unreadable, Ledger.open(directory).unreadable]).toEqual([before, before]);
        ledger.compact({ damaged: true });
        expect([ledger.unreadable, Ledger.open(directory).unreadable]).toEqual([0, 0]);
        expect(before).toBeLessThanOrEqual(2);
      }),
      { numRuns: 60 },
    );
  });

  test('listing of a series counts as missing, or is refused by name if a glance has accepted it', async () => {
    const directory = await tempDir();
    const { period: _, ...series } = keyOf();
    const file = seriesFile(directory, series);
    for (const count of [0, 20, 900]) {
      const objects = objectsOf(series, count);
      writeSeries(file, headOf(objects), objects);
      const whole = readFileSync(file);
      expect(readObjects(file, series)).toEqual(objects);
      fc.assert(
        fc.property(damage, (how) => {
          writeFileSync(file, damaged(whole, how));
          const peeked = peekSeries(file);
          if (how === 'zeroed' || 'cut' in how) expect(peeked).toBeUndefined();
          if (peeked !== undefined) expect(() => readObjects(file, series)).toThrow(damagedState(file));
          expect(peekSeries(file)).toBeUndefined();
          expect(() => storedSeries(directory)).toThrow(damagedState(file));
        }),
        { numRuns: 60 },
      );
    }
  });

  test('listing from another series is not accepted', async () => {
    const directory = await tempDir();
    const { period: _, ...series } = keyOf();
    const objects = objectsOf(series, 3);
    writeSeries(seriesFile(directory, series), headOf(objects), objects);
    const other = seriesFile(directory, { ...series, symbol: 'ETHUSDT' });
    writeFileSync(other, readFileSync(seriesFile(directory, series)));
    expect(peekSeries(other)).toBeUndefined();
  });

  test('record of what an exchange was asked is forgotten, and so is that of another series', async () => {
    const directory = await tempDir();
    const { period: _, cadence: __, ...series } = keyOf();
    const file = join(directory, 'rest/asked.json');
    mkdirSync(dirname(file));
    const asked = {
      settled: [[1_751_000_000_000, 1_751_900_000_000]],
      covered: { 'daily/2025-06-17/e1': [] },
    } as const;
    const none = { settled: [], covered: {} };
    writeAsked(file, series, asked);
    expect(readAsked(file, series)).toEqual(asked);
    expect(readAsked(file, { ...series, symbol: 'ETHUSDT' })).toEqual(none);
    const whole = readFileSync(file);
    fc.assert(
      fc.property(damage, (how) => {
        writeFileSync(file, damaged(whole, how));
        expect([asked, none]).toContainEqual(readAsked(file, series));
      }),
      { numRuns: 60 },
    );
  });
});

test('files from before checksums stay readable', async () => {
  const directory = await tempDir();
  const old: LedgerEntry = { ...entryOf('a', 'a1') };
  const { csv_crc32: _, ...entry } = old;
  writeFileSync(join(directory, 'journal.jsonl'), `${JSON.stringify(entry)}\n`);
  expect([...Ledger.open(directory).entries()]).toEqual([entry]);

  const { period: __, ...series } = keyOf();
  const file = seriesFile(directory, series);
  const objects = objectsOf(series, 2);
  const line = (it: ListedObject) => [it.period, it.size_bytes, it.etag, it.last_modified, it.listed_at].join('\t');
  mkdirSync(dirname(file), { recursive: true });
  const write = (objects: readonly ListedObject[], head: object) =>
    writeFileSync(file, `${[JSON.stringify(head), ...objects.map(line).reverse()].join('\n')}\n`);
  write(objects, headOf(objects));
  expect(peekSeries(file)?.head).toEqual(headOf(objects));
  expect(readObjects(file, series)).toEqual(objects);
  write(objects.slice(1), headOf(objects));
  expect(intactObjects(file, series)).toBeUndefined();
});

test('a sealed text is intact only unchanged and in its own place', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string({ minLength: 1 }), fc.jsonValue(), { minKeys: 1 }), damage, (value, how) => {
      const text = seal(JSON.stringify(value), 'here');
      expect(isIntact(text, 'here')).toBe(true);
      expect(isIntact(text, 'there')).toBe(false);
      const { crc32: _, ...rest } = JSON.parse(text);
      const { crc32: __, ...expected } = JSON.parse(JSON.stringify(value));
      expect(rest).toEqual(expected);
      const bytes = Buffer.from(text);
      const changed = damaged(bytes, how).toString();
      if (changed !== text && isIntact(changed, 'here')) expect(changed).not.toContain('crc32');
    }),
  );
});

const damagedState = (file: string) =>
  expect.objectContaining({ code: 'STAGING_DAMAGED', exitCode: 2, details: expect.objectContaining({ file }) });
