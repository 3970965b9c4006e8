import { hash } from 'node:crypto';
import { constants, deflateRawSync, inflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inflateRaw, md5s, scanRows } from '../../../extract/kernel/kernel.ts';
import { dayMs, line } from './support.ts';

const { Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED } = constants;

/** Bytes with the repetitions that matches use: near and far, short and long, of any bytes. */
const content = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 400 }).map((bytes) => Buffer.from(bytes)),
      fc.nat({ max: 1e9 }).map((number) => Buffer.from(`${number},`.repeat((number % 97) + 1))),
      fc.integer({ min: 1, max: 70_000 }).map((count) => Buffer.alloc(count, count)),
      fc.constant(Buffer.from('1750118400000,0.012,0.013,0.011,0.0125,1200,1750118459999,15,40,600,7.5,0\n')),
    ),
    { maxLength: 30 },
  )
  .chain((parts) => fc.shuffledSubarray([...parts, ...parts, ...parts]).map((all) => Buffer.concat(all)));

const settings = fc.record({
  level: fc.integer({ min: 0, max: 9 }),
  memLevel: fc.integer({ min: 1, max: 9 }),
  windowBits: fc.integer({ min: 9, max: 15 }),
  strategy: fc.constantFrom(Z_DEFAULT_STRATEGY, Z_FILTERED, Z_HUFFMAN_ONLY, Z_RLE, Z_FIXED),
});

describe('MD5s side by side', () => {
  const md5 = (bytes: Buffer) => hash('md5', bytes);

  test('equal those of OpenSSL, for any number and length', () => {
    const message = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.integer({ min: 0, max: 5_000 }).map((length) => Buffer.alloc(length, 'kline,')),
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 40 }), (messages) => {
        expect(md5s(messages)).toEqual(messages.map(md5));
      }),
    );
  });

  test('are right at every length around the end of a block', () => {
    const messages = Array.from({ length: 200 }, (_, length) => Buffer.alloc(length, 0xa5));
    expect(md5s(messages)).toEqual(messages.map(md5));
  });

  test('are right beyond the initial memory of the kernel', () => {
    const messages = Array.from({ length: 9 }, (_, i) => Buffer.alloc(1_000_000 + i, i));
    expect(md5s(messages)).toEqual(messages.map(md5));
  });
});

describe('inflating', () => {
  test('returns what was deflated, at any setting', () => {
    fc.assert(
      fc.property(content, settings, (bytes, how) => {
        const found = inflateRaw(deflateRawSync(bytes, how), bytes.length);
        expect(found && Buffer.compare(found, bytes)).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test('accepts codes of every length', () => {
    // Each byte value is half as frequent as the one before it, so that codes reach their maximum length.
    const bytes = Buffer.concat(Array.from({ length: 18 }, (_, i) => Buffer.alloc(Math.ceil(2 ** (17 - i)), 65 + i)));
    let state = 1;
    for (let i = bytes.length - 1; i > 0; i--) {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      const j = state % (i + 1);
      [bytes[i], bytes[j]] = [bytes[j] as number, bytes[i] as number];
    }
    for (const strategy of [Z_HUFFMAN_ONLY, Z_DEFAULT_STRATEGY]) {
      const found = inflateRaw(deflateRawSync(bytes, { strategy, memLevel: 9 }), bytes.length);
      expect(found && Buffer.compare(found, bytes)).toBe(0);
    }
  });

  test('gives up if the size is wrong', () => {
    const data = deflateRawSync(Buffer.from('1,2,3\n'.repeat(50)));
    for (const size of [0, 299, 301]) expect(inflateRaw(data, size)).toBeUndefined();
    expect(inflateRaw(data, 300)).toHaveLength(300);
  });

  test('of damaged data returns what zlib returns, or nothing', () => {
    const damage = fc.record({ at: fc.double({ min: 0, max: 1, noNaN: true }), by: fc.integer({ min: 1, max: 255 }) });
    let taken = 0;
    fc.assert(
      fc.property(content, settings, damage, fc.boolean(), (bytes, how, { at, by }, isCut) => {
        const data = deflateRawSync(bytes, how);
        const place = Math.min(data.length - 1, Math.floor(at * data.length));
        const damaged = isCut ? data.subarray(0, place) : Buffer.from(data);
        if (!isCut) damaged[place] = (damaged[place] as number) ^ by;
        const found = inflateRaw(damaged, bytes.length);
        if (found === undefined) return;
        taken++;
        expect(Buffer.compare(found, inflateRawSync(damaged))).toBe(0);
      }),
      { numRuns: 1000 },
    );
    expect(taken).toBeGreaterThan(0);
  });

  test('random bytes do no harm', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), fc.nat({ max: 100_000 }), (bytes, size) => {
        inflateRaw(bytes, size);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('scanning', () => {
  const start = Date.parse('2025-06-17');
  const grid = { start: start * 1000, end: (start + dayMs) * 1000, slot: 3_600_000_000 };
  const placed = (text: string): Buffer =>
    inflateRaw(deflateRawSync(Buffer.from(text)), Buffer.byteLength(text)) as Buffer;

  test('accepts ordinary rows', () => {
    const rows = Array.from({ length: 24 }, (_, hour) => `${line(start + hour * 3_600_000)}\n`);
    const found = scanRows(placed(rows.join('')), grid);
    const last_open_time = (start + 23 * 3_600_000) * 1000;
    expect(found).toMatchObject({ row_count: 24, first_open_time: start * 1000, last_open_time });
    expect(found?.slotsByDay[0]).toBe(24);
  });

  test('accepts µs', () => {
    expect(scanRows(placed(`${line(`${start}007`)}\n`), grid)).toMatchObject({ first_open_time: start * 1000 + 7 });
  });

  test('A34: accepts rows of digits with at most one point between them, at any address, and no others', () => {
    const plain = fc.stringMatching(/^\d{1,70}(\.\d{1,70})?$/);
    const any = fc.string({ unit: fc.constantFrom(...'0123456789.-+eE_ /:;a'), maxLength: 6 });
    const field = fc.oneof({ weight: 20, arbitrary: plain }, { weight: 1, arbitrary: any });
    const fields = fc.array(field, { minLength: 11, maxLength: 11 });
    fc.assert(
      fc.property(fc.array(fields, { minLength: 1, maxLength: 6 }), (rows) => {
        const text = rows.map((row, i) => `${[start + i, ...row].join(',')}\n`).join('');
        const isPlain = rows.flat().every((it) => /^[0-9]+(\.[0-9]+)?$/.test(it));
        expect([text, scanRows(placed(text), grid) !== undefined]).toEqual([text, isPlain]);
      }),
      { numRuns: 1_000 },
    );
  });

  test.each([
    ["bytes outside the kernel's memory", () => Buffer.from(`${line(start)}\n`)],
    ['no row', () => placed('')],
    ['CRLF', () => placed(`${line(start)}\r\n`)],
    ['no last newline', () => placed(line(start))],
    ['a blank line', () => placed(`${line(start)}\n\n`)],
    ['two rows of one time', () => placed(`${line(start)}\n${line(start)}\n`)],
    ['an open time of 12 digits', () => placed(`${line(start / 10)}\n`)],
    ['a row outside the period', () => placed(`${line(start - 1)}\n`)],
    ['11 fields', () => placed(`${line(start).slice(0, -2)}\n`)],
    ['13 fields', () => placed(`${line(start)},0\n`)],
    [
      'a field too many, made up for by the next row',
      () => placed(`${line(start)},0\n${line(start + 1).slice(0, -2)}\n`),
    ],
    ['a control character', () => placed(`${line(start).replace('1.5', '1\t5')}\n`)],
    ['a character that is not ASCII', () => placed(`${line(start).replace('1.5', '１')}\n`)],
    ['a long row', () => placed(`${line(start).replace('1.5', '1'.repeat(5_000))}\n`)],
  ])('leaves to the scanner: %s', (_what, rows) => {
    expect(scanRows(rows(), grid)).toBeUndefined();
  });
});
