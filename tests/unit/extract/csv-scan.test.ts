import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ArchiveKey, periodOf } from '../../../exchange/keys.ts';
import { timeframes } from '../../../exchange/timeframes.ts';
import { inflateRaw } from '../../../extract/kernel/kernel.ts';
import { type CsvFacts, scanCsv, scanWholeCsv } from '../../../extract/verify/csv-scan.ts';
import type { Reason } from '../../../extract/verify/reason.ts';
import { header } from '../../support/archive.ts';
import { dayMs, keyOf, line } from './support.ts';

/** Scans a text in pieces of this size. */
function scan(text: string | Buffer, key: ArchiveKey, piece = Number.POSITIVE_INFINITY): CsvFacts | Reason {
  const bytes = Buffer.from(text as string);
  const scanner = scanCsv(key);
  for (let at = 0; at < bytes.length; at += piece) {
    const problem = scanner.push(bytes.subarray(at, Math.min(bytes.length, at + piece)));
    if (problem !== undefined) return problem;
  }
  return scanner.end();
}

/** Scans a text in one piece, where the kernel can see it. */
function scanWhole(text: string, key: ArchiveKey): CsvFacts | Reason {
  const bytes = Buffer.from(text);
  return scanWholeCsv(key, inflateRaw(deflateRawSync(bytes), bytes.length) as Buffer);
}

/** The same, slowly and by other means: strings, splits and sets. */
function naive(
  text: string,
  key: ArchiveKey,
): { code: string } | { rows: number; first: number; last: number; duplicates: number; incomplete: number[] } {
  const { start, end } = periodOf(key) as { start: number; end: number };
  const lines = text
    .replace(/^\ufeff/, '')
    .split('\n')
    .map((it) => it.replace(/\r$/, ''));
  while (lines.at(-1) === '') lines.pop();
  if (/^[a-z]/i.test(lines[0] ?? '') && lines.shift() !== header) return { code: 'header_order' };
  let before: string | undefined;
  let last = -1;
  let duplicates = 0;
  const slots = new Set<number>();
  const length = timeframes[key.timeframe] ?? dayMs;
  const times: number[] = [];
  for (const row of lines) {
    const fields = row.split(',');
    if (fields.length !== 12) return { code: 'field_count' };
    if (!/^\d{1,16}$/.test(fields[0] as string)) return { code: 'open_time_not_a_number' };
    if (!fields.every((field) => /^-?[0-9]+([.][0-9]+)?(e-?[0-9]+)?$/i.test(field))) return { code: 'not_a_number' };
    const value = Number(fields[0]);
    const micros = value < 1e14 ? value * 1000 : value;
    if (micros < start * 1000 || micros >= end * 1000) return { code: 'outside_period' };
    if (micros < last || (micros === last && row !== before)) return { code: 'not_ascending' };
    if (micros === last) duplicates++;
    slots.add(Math.floor((micros / 1000 - start) / length));
    times.push(micros);
    last = micros;
    before = row;
  }
  if (times.length === 0) return { code: 'no_rows' };
  const incomplete: number[] = [];
  for (let day = 0; day * dayMs < end - start; day++) {
    const wanted = Array.from({ length: dayMs / length }, (_, i) => (day * dayMs) / length + i);
    if (timeframes[key.timeframe] !== undefined && wanted.some((slot) => !slots.has(slot))) incomplete.push(day + 1);
  }
  return { rows: times.length, first: times[0] as number, last, duplicates, incomplete };
}

const described =
  'Open time,Open,High,Low,Close,Volume,Close time,Quote asset volume,Number of trades,' +
  'Taker buy base asset volume,Taker buy quote asset volume,Ignore';
const day = Date.parse('2025-06-17');
const hours = (count: number, from = day) => Array.from({ length: count }, (_, i) => line(from + i * 3_600_000));
const hourly = keyOf({ timeframe: '1h' });

describe('an accepted CSV', () => {
  const facts = {
    row_count: 24,
    first_open_time: day * 1000,
    last_open_time: (day + 23 * 3_600_000) * 1000,
    header: false,
    duplicates: 0,
    incomplete_days: [],
  };
  const rows = hours(24);

  test.each([
    ['A1: no header', rows.join('\n'), false],
    ['A1: a header', [header, ...rows].join('\n'), true],
    ['A1: a header after a byte-order mark', `\ufeff${[header, ...rows].join('\n')}`, true],
    ['a byte-order mark without a header', `\ufeff${rows.join('\n')}`, false],
    ['A1: a header with the names of the description', [described, ...rows].join('\n'), true],
    ['A6: CRLF', [header, ...rows].join('\r\n'), true],
    ['A6: a last newline', `${rows.join('\n')}\n`, false],
    ['A6: blank lines at the end', `${rows.join('\n')}\n\n\r\n\n`, false],
  ])('%s', (_what, text, hasHeader) => {
    for (const piece of [1, 7, 100, 1e9]) expect(scan(text, hourly, piece)).toEqual({ ...facts, header: hasHeader });
    expect(scanWhole(text, hourly)).toEqual({ ...facts, header: hasHeader });
  });

  test.each(['0', '0.0', '0.00000000', '1E-8', '0E-8', '1e5', '007', '-1', '39713.40'])(
    'A34: %s in any column but the first',
    (number) => {
      const fields = line(day).split(',');
      for (let column = 1; column < 12; column++) {
        const text = `${fields.with(column, number)}\n`;
        expect(scan(text, hourly)).toMatchObject({ row_count: 1 });
        expect(scanWhole(text, hourly)).toMatchObject({ row_count: 1 });
      }
    },
  );

  test('B6: the first row of a file without a header counts', () => {
    expect(scan(line(day), keyOf())).toMatchObject({ row_count: 1, first_open_time: day * 1000 });
  });

  test('A2: ms and µs are decided row by row', () => {
    const mixed = [line(day), line(`${day + 3_600_000}000`), line(day + 7_200_000)].join('\n');
    expect(scan(mixed, hourly)).toMatchObject({ row_count: 3, last_open_time: (day + 7_200_000) * 1000 });
  });

  test('A10: an exact duplicate is accepted, wherever the pieces end', () => {
    const text = [...rows.slice(0, 5), rows[4], rows[4], ...rows.slice(5)].join('\n');
    for (const piece of [1, 13, 60, 1e9]) {
      expect(scan(text, hourly, piece)).toEqual({ ...facts, row_count: 26, duplicates: 2 });
    }
  });

  test('A8: bars off the grid cover the slots that they open in', () => {
    const late = rows.map((_, i) => line(day + i * 3_600_000 + 1_714_789));
    expect(scan(late.join('\n'), hourly)).toMatchObject({ row_count: 24, incomplete_days: [] });
  });

  test('A8: two bars in one slot do not make up for a slot that has none', () => {
    const twice = [...rows.slice(0, 5), line(day + 4 * 3_600_000 + 1), ...rows.slice(6)];
    expect(scan(twice.join('\n'), hourly)).toMatchObject({ row_count: 24, incomplete_days: [1] });
  });

  test('A15: days with empty slots are reported, completely and partly empty ones', () => {
    const month = keyOf({ timeframe: '1h', period: '2025-06' });
    const all = hours(30 * 24, Date.parse('2025-06-01'));
    expect(scan(all.join('\n'), month)).toMatchObject({ incomplete_days: [] });
    const holes = [...all.slice(0, 48), ...all.slice(72, 100), ...all.slice(101)];
    expect(scan(holes.join('\n'), month)).toMatchObject({ incomplete_days: [3, 5] });
    expect(scan(all.slice(0, 24 * 28).join('\n'), month)).toMatchObject({ incomplete_days: [29, 30] });
  });

  test('B18: bars of variable length have no grid', () => {
    const month = keyOf({ timeframe: '1w', period: '2025-06' });
    expect(scan(line(Date.parse('2025-06-02')), month)).toMatchObject({ row_count: 1, incomplete_days: [] });
  });
});

describe('a rejected CSV', () => {
  const row = line(day);
  const swapped = (one: string, other: string) =>
    header
      .split(',')
      .map((name) => (name === one ? other : name === other ? one : name))
      .join(',');
  test.each([
    ['no_rows', 'nothing', ''],
    ['no_rows', 'a header alone', `${header}\n`],
    ['no_rows', 'blank lines alone', '\n\n'],
    ['field_count', 'A14: 11 fields', row.slice(0, -2)],
    ['field_count', 'A14: 13 fields', `${row},0`],
    ['field_count', 'a header of 11 fields', `${header.replace(',ignore', '')}\n${row}`],
    ['header_order', 'A31: a header with two columns in the other order', `${swapped('open', 'close')}\n${row}`],
    ['header_order', 'A31: a header that begins with another time', `${swapped('open_time', 'close_time')}\r\n${row}`],
    ['header_order', 'A31: a header that names a column twice', `${header.replace('high', 'low')}\n${row}`],
    [
      'header_order',
      'A31: a described name in another place',
      `${described.replace('Open,High', 'High,Open')}\n${row}`,
    ],
    ['header_unknown', 'A31: a header with an unknown name', `${header.replace('count', 'trades')}\n${row}`],
    ['header_unknown', 'A31: a header with a blank before a name', `${header.replace(',open,', ', open,')}\n${row}`],
    ['header_unknown', 'A31: a second header', `${header.toUpperCase()}\n${header}\n${row}`],
    ['header_unknown', 'A31: a name that every object has', `${header.replace('count', 'constructor')}\n${row}`],
    ['field_count', 'a blank line between rows', `${line(day)}\n\n${line(day + 3_600_000)}`],
    ['field_count', 'a row without any comma', 'hello'],
    ['field_count', 'a truncated last row', `${line(day)}\n${line(day + 3_600_000).slice(0, 20)}`],
    ['open_time_not_a_number', 'B6: a first row that opens at NaN, which is not a header', row.replace(/^\d+/, 'NaN')],
    ['open_time_not_a_number', 'a first row that opens at a word', row.replace(/^\d+/, 'abc')],
    ['open_time_not_a_number', 'a later row that opens at NaN', `${line(day)}\n${row.replace(/^\d+/, 'NaN')}`],
    ['open_time_not_a_number', 'no open time', row.replace(/^\d+/, '')],
    ['open_time_not_a_number', 'a negative open time', `-${row}`],
    ['open_time_not_a_number', 'a fraction', row.replace(',', '.5,')],
    ['open_time_not_a_number', 'an open time of 17 digits', `9999${row}`],
    ['open_time_not_a_number', 'a quoted open time', row.replace(/^(\d+)/, '"$1"')],
    ['outside_period', 'A14: a row of the day after', line(day + dayMs)],
    ['outside_period', 'A14: a row of the day before', line(day - 1)],
    ['outside_period', 'seconds', line(day / 1000)],
    ['not_ascending', 'a row before the one above it', `${line(day + 3_600_000)}\n${line(day)}`],
    ['not_ascending', 'two different rows of one time', `${line(day)}\n${line(day, '1.6')}`],
    ['not_text', 'a NUL', row.replace('1.5', '1\0')],
    ['not_text', 'a carriage return inside a row', row.replace('1.5', '1\r5')],
    ['not_text', 'characters that are not ASCII', row.replace('1.5', '１')],
    ['line_too_long', 'a long row', row.replace('1.5', '1'.repeat(5_000))],
    ['line_too_long', 'a row without an end', '1'.repeat(100_000)],
  ])('%s: %s', (code, _what, text) => {
    for (const piece of [1e9, 11]) expect(scan(text, hourly, piece)).toMatchObject({ code });
    expect(scanWhole(text, hourly)).toMatchObject({ code });
  });

  const texts = [
    ...['', ' ', '.', '.5', '5.', '1.2.3', '1..2', '+1', '1_000', '1_', ' 1', '1 ', '1 5', '0x1F', '0b1', '1f', '1d'],
    ...['nan', 'NaN', 'inf', '-inf', 'Infinity', '-', '--1', '1-', '1e', 'e5', '1e+5', '1E-', '1e5.5', '1ee5', '"1"'],
    ...["1'000", '1/2', '1;5', '1:2', 'many', '1,5'.replace(',', '٫'), '١', '1\t', '\u00a01'],
  ];
  test.each(texts)('A34: %j in any column but the first', (text) => {
    const fields = line(day).split(',');
    for (let column = 1; column < 12; column++) {
      const bad = `${line(day)}\n${fields.with(0, `${day + 3_600_000}`).with(column, text)}\n`;
      const code = /[^\x20-\x7e]/.test(text) ? 'not_text' : 'not_a_number';
      expect(scan(bad, hourly)).toMatchObject({ code });
      expect(scanWhole(bad, hourly)).toMatchObject({ code });
    }
  });

  test('A34: the error says row, column and text', () => {
    expect(scan([...hours(2), line(day + 7_200_000).replace('1.5', '1_5')].join('\n'), hourly)).toEqual({
      code: 'not_a_number',
      text: 'row 3, open 1_5',
    });
  });

  test('A31: the error shows both names', () => {
    expect(scan(`${swapped('open', 'close')}\n${row}`, hourly)).toEqual({
      code: 'header_order',
      text: 'column 2 of the header is "close" instead of open: the columns are in another order',
    });
    expect(scan(`${header.replace('count', 'trades')}\n${row}`, hourly)).toEqual({
      code: 'header_unknown',
      text: 'column 9 of the header is "trades" instead of count, and that name is unknown',
    });
  });

  test('names the row', () => {
    expect(scan([...hours(5), 'x'].join('\n'), hourly)).toMatchObject({ text: expect.stringContaining('row 6 ') });
  });
});

test('scanning agrees with a naive reading of any text, in pieces of any size (A31, A34)', () => {
  const time = fc.oneof(
    fc.integer({ min: -3, max: 40 }).map((hour) => String(day + hour * 3_600_000)),
    fc.integer({ min: 0, max: 23 }).map((hour) => `${day + hour * 3_600_000}000`),
    fc.constantFrom('NaN', '', '12x'),
  );
  const field = fc.oneof(
    fc.string({ unit: fc.constantFrom(...'0123456789.-+eE_ x,\r\t'), maxLength: 6 }),
    fc.stringMatching(/^-?\d{1,70}(\.\d{1,70})?([eE]-?\d{1,3})?$/),
  );
  const edited = fc
    .tuple(time, fc.array(fc.tuple(fc.integer({ min: 1, max: 11 }), field), { minLength: 1, maxLength: 3 }))
    .map(([it, edits]) => edits.reduce((all, [at, text]) => all.with(at, text), line(it).split(',')).join());
  const row = fc.oneof(
    { weight: 9, arbitrary: time.map((it) => line(it)) },
    { weight: 6, arbitrary: edited },
    { weight: 1, arbitrary: fc.constantFrom('', line(day).slice(0, -2), 'x,y', header) },
  );
  // Mostly good, ascending rows, so that much is accepted, with a few of anything in between.
  const good = fc
    .uniqueArray(fc.integer({ min: 0, max: 23 }), { minLength: 1 })
    .map((of) =>
      of
        .sort((a, b) => a - b)
        .flatMap((hour) => Array.from({ length: hour % 7 === 3 ? 2 : 1 }, () => line(day + hour * 3_600_000))),
    );
  const text = fc
    .tuple(
      fc.constantFrom('', '\ufeff'),
      fc.constantFrom('', header, described.replace('Open,', 'Close,')),
      good,
      fc.array(row, { maxLength: 2 }),
      fc.constantFrom('\n', '\r\n'),
      fc.constantFrom('', '\n', '\n\n'),
    )
    .map(
      ([mark, withHeader, rows, others, newline, ending]) =>
        mark + [...(withHeader === '' ? [] : [withHeader]), ...rows, ...others].join(newline) + ending,
    );
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 300 }), (csv, piece) => {
      const expected = naive(csv, hourly);
      const found = scan(csv, hourly, piece);
      expect(scanWhole(csv, hourly)).toEqual(found);
      if ('code' in expected) {
        // The test does not depend on which of several defects is named.
        expect(found).toHaveProperty('code');
      } else {
        const { rows, first, last, duplicates, incomplete } = expected;
        const times = { first_open_time: first, last_open_time: last };
        expect(found).toMatchObject({ row_count: rows, duplicates, incomplete_days: incomplete, ...times });
      }
    }),
    { numRuns: 1_000 },
  );
});
