/** The columns of a kline, in the order used by the archive and the API. */
export const columns = [
  'open_time',
  'open',
  'high',
  'low',
  'close',
  'volume',
  'close_time',
  'quote_volume',
  'count',
  'taker_buy_volume',
  'taker_buy_quote_volume',
  'ignore',
] as const;

export type Column = (typeof columns)[number];

/** The first line of an archive that has a header. */
export const header = columns.join(',');

/** Other names of the columns, from the publisher's own description (binance-public-data, README). */
const aliases: Readonly<Record<string, Column>> = {
  'Open time': 'open_time',
  Open: 'open',
  High: 'high',
  Low: 'low',
  Close: 'close',
  Volume: 'volume',
  'Close time': 'close_time',
  'Quote asset volume': 'quote_volume',
  'Number of trades': 'count',
  'Taker buy base asset volume': 'taker_buy_volume',
  'Taker buy quote asset volume': 'taker_buy_quote_volume',
  Ignore: 'ignore',
};

/** Returns the column that a name in a header stands for. */
export const columnNamed = (name: string): Column | undefined =>
  columns.find((column) => column === name) ?? (Object.hasOwn(aliases, name) ? aliases[name] : undefined);

/**
 * The numbers of the archive: digits with at most one point between them and, rarely, an exponent (A34). A minus sign
 * is accepted, so that a negative value can be reported as such. Underscores, blanks, hexadecimal digits, `+1`, `.5`,
 * `nan` and `inf` are not accepted.
 */
const grammar = /^-?\d+(\.\d+)?([Ee]-?\d+)?$/;

/** Returns the double nearest to a published text, or NaN if the text is not a number of the archive. */
export const publishedNumber = (text: string): number => (grammar.test(text) ? Number(text) : Number.NaN);

/** Published times from this value on are in µs, smaller ones in ms: it is the year 5138 in ms, 1973 in µs (A2). */
export const firstMicros = 1e14;

/** Converts a published time to µs. */
export const microsOf = (time: number): number => (time >= firstMicros ? time : time * 1000);

const prices = ['open', 'high', 'low', 'close'] as const;

/** Columns whose values must be finite and not negative (A11, A14). `close_time` is not among them: see A9. */
export const figures = [
  ...prices,
  'volume',
  'quote_volume',
  'taker_buy_volume',
  'taker_buy_quote_volume',
  'count',
] as const;

type Figure = (typeof figures)[number];

/** Columns whose values must be whole numbers smaller than `inexact`. */
export const wholes = ['count', 'close_time'] as const;

/** From this value on, a double can stand for more than one whole number. */
export const inexact = 2 ** 53;

export type DefectCode = 'not_a_number' | 'negative_value' | 'ohlc_nonsense' | 'taker_above_total';

interface Pair {
  readonly lesser: Figure;
  readonly greater: Figure;
  readonly code: DefectCode;
  /** The columns that an error shows. */
  readonly shown: readonly Figure[];
}

/** Pairs of columns of which `lesser` must not exceed `greater`. */
export const pairs: readonly Pair[] = [
  { lesser: 'low', greater: 'open', code: 'ohlc_nonsense', shown: prices },
  { lesser: 'low', greater: 'close', code: 'ohlc_nonsense', shown: prices },
  { lesser: 'open', greater: 'high', code: 'ohlc_nonsense', shown: prices },
  { lesser: 'close', greater: 'high', code: 'ohlc_nonsense', shown: prices },
  ...(
    [
      ['taker_buy_volume', 'volume'],
      ['taker_buy_quote_volume', 'quote_volume'],
    ] as const
  ).map(([lesser, greater]): Pair => ({ lesser, greater, code: 'taker_above_total', shown: [lesser, greater] })),
];

export interface BarDefect {
  readonly code: DefectCode;
  /** The values that break the rule, such as `volume -3.2`. */
  readonly says: string;
}

/**
 * Returns the first rule that the 12 fields of a bar break. The rules are checked in the same order as in the SQL of
 * the load (models/market/rejects.ts): numbers, signs, then pairs of values. The last column may be any number (A3).
 */
export function defectOf(fields: readonly string[]): BarDefect | undefined {
  const textOf = (column: Column) => fields[columns.indexOf(column)] ?? '';
  const numberIn = (column: Column) => publishedNumber(textOf(column));
  const found = (code: DefectCode, shown: readonly Column[]): BarDefect => ({
    code,
    says: shown.map((column) => `${column} ${textOf(column) || 'is empty'}`).join(', '),
  });
  if (Number.isNaN(numberIn('ignore'))) return found('not_a_number', ['ignore']);
  for (const column of figures) if (!Number.isFinite(numberIn(column))) return found('not_a_number', [column]);
  for (const column of wholes) if (!Number.isSafeInteger(numberIn(column))) return found('not_a_number', [column]);
  for (const column of figures) if (numberIn(column) < 0) return found('negative_value', [column]);
  const broken = pairs.find(({ lesser, greater }) => numberIn(lesser) > numberIn(greater));
  return broken && found(broken.code, broken.shown);
}
