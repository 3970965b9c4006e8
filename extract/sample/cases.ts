/**
 * The awkward cases of a real archive in the sample: symbol, date, and case id if there is one. Both the generator and
 * the tests use these values, so they cannot disagree. Dates are UTC, and the `to` of a range is exclusive.
 */

/** The first day of every series, unless it was listed later. */
export const archiveStart = '2025-01-15';

/** The time for which the target `sample` is built: the morning after the last complete day, 2025-07-09. */
export const defaultAsOf = '2025-07-10T09:00:00Z';

/** A1: daily and monthly archives of earlier periods have no header. */
export const headersSince = '2025-03';

/** A1: the archives of this symbol never have a header. */
export const headerlessSymbol = 'LTCUSDT';

/** How the text of an archive differs from the usual form with header, LF and a final newline. */
export interface TextFormat {
  readonly byteOrderMark?: boolean;
  readonly newline?: '\n' | '\r\n';
  /** `open`: no newline after the last row; `blank`: an empty line follows it. */
  readonly ending?: 'open' | 'blank';
}

/** A1 (byte-order mark) and A6: each text form occurs in a daily archive of the open month and in a monthly one. */
export const textFormats: readonly {
  readonly symbol: string;
  readonly period: string;
  readonly format: TextFormat;
}[] = [
  { symbol: 'DOTUSDT', period: '2025-07-02', format: { byteOrderMark: true } },
  { symbol: 'DOTUSDT', period: '2025-05', format: { byteOrderMark: true } },
  { symbol: 'TRXUSDT', period: '2025-07-03', format: { newline: '\r\n' } },
  { symbol: 'TRXUSDT', period: '2025-04', format: { newline: '\r\n' } },
  { symbol: 'APTUSDT', period: '2025-07-04', format: { ending: 'blank' } },
  { symbol: 'APTUSDT', period: '2025-06', format: { ending: 'blank' } },
  { symbol: 'INJUSDT', period: '2025-07-05', format: { ending: 'open' } },
  { symbol: 'INJUSDT', period: '2025-02', format: { ending: 'open' } },
];

/** A7: a month without zero padding, in addition to the correct `2025-03`. */
export const unpaddedMonth = { symbol: 'BTCUSDT', month: '2025-03', period: '2025-3' } as const;

/** A9: a bar during the halt below closes before it opens. */
export const irregularClose = { symbol: 'ALPACAUSDT', date: '2025-04-24' } as const;

/** A10: the row of this day is repeated exactly in the monthly archive. */
export const duplicateRow = { symbol: 'ETCUSDT', month: '2025-03', date: '2025-03-14' } as const;

/**
 * A12: in the monthly archive of spot, this day closes an hour earlier than in the daily one. Both are staged if the
 * day was staged while its month was open. If a figure differed instead, results would depend on earlier runs.
 */
export const disagreement = { symbol: 'ETHUSDT', month: '2025-06', date: '2025-06-11' } as const;

/** A13: listed and published, but flat and without trades. Settled copies are like this every day. */
export const halt = { symbol: 'ALPACAUSDT', from: '2025-04-24', to: '2025-04-26' } as const;

/** A14: the monthly archive ends with a row of the next month and is rejected. The daily archives are complete. */
export const overlongMonth = { symbol: 'FETUSDT', month: '2025-03', date: '2025-04-01' } as const;

/** A15: the monthly archive lacks these days, which the daily archives have. */
export const monthWithoutDays = { symbol: 'NEARUSDT', month: '2025-04', dates: ['2025-04-12', '2025-04-13'] } as const;

/** A16: this monthly archive does not exist, unlike its neighbours. The daily archives are complete. */
export const absentMonth = { symbol: 'UNIUSDT', month: '2025-04' } as const;

/** A16: both trees lack these two days within one spell of the ticker. */
export const hole = { symbol: 'FILUSDT', from: '2025-03-27', to: '2025-03-29' } as const;

/** A ticker that is absent from both trees for ten days and then returns. */
export const absence = { symbol: 'KAVAUSDT', from: '2025-05-06', to: '2025-05-16' } as const;

/** The day has a 1d archive but no 1m archive: it has figures, but counts as not available. */
export const missingMinutes = { symbol: 'AVAXUSDT', date: '2025-06-21' } as const;

/**
 * A18: the 1d archive of a day, and the monthly one with it, are issued again with a different volume.
 * Before that time the sample contains the first edition.
 */
export const reissue = {
  symbol: 'OPUSDT',
  date: '2025-05-14',
  month: '2025-05',
  published: '2025-07-01T07:20:11Z',
} as const;

/** A21: the daily archives (1d and 1m) of one day are published two weeks late. */
export const lateDay = { symbol: 'LINKUSDT', date: '2025-06-18', published: '2025-07-02T10:12:44Z' } as const;

/** A24: one ticker for two assets at different price levels, more than seven days apart. */
export const reusedTicker = {
  symbol: 'LUNAUSDT',
  first: { from: archiveStart, to: '2025-03-10' },
  second: { from: '2025-04-02' },
} as const;

/** Days on which these perpetuals have exactly the same quote volume. */
export const tiedVolumes: readonly { readonly date: string; readonly symbols: readonly string[] }[] = [
  { date: '2025-02-05', symbols: ['ALGOUSDT', 'ATOMUSDT'] },
  { date: '2025-03-31', symbols: ['ALGOUSDT', 'ATOMUSDT', 'XLMUSDT'] },
  { date: '2025-05-20', symbols: ['ALGOUSDT', 'ATOMUSDT'] },
  { date: '2025-06-30', symbols: ['ALGOUSDT', 'ATOMUSDT'] },
  { date: '2025-07-04', symbols: ['ALGOUSDT', 'ATOMUSDT'] },
  { date: '2025-07-08', symbols: ['ALGOUSDT', 'ATOMUSDT', 'XLMUSDT'] },
];

/** 1m archives that contain all 1,440 bars, which add up to the day's 1d bar. All others contain four bars. */
export const fullMinutes = { symbols: ['BTCUSDT', 'ETHUSDT'], from: '2025-07-07', to: '2025-07-10' };

/** A23: the pair that is not quoted in dollars. It has 1d archives but no 1m ones. */
export const notInDollars = 'ETHBTC';

/** Objects next to the kline archives, which must be ignored. */
export const noise: readonly { readonly key: string; readonly published: string; readonly body: string }[] = [
  {
    key: 'data/futures/um/daily/klines/README.txt',
    published: '2025-01-16T09:00:00Z',
    body: 'Synthetic klines, made by a seeded generator.\n',
  },
  {
    key: 'data/futures/um/daily/metrics/BTCUSDT/BTCUSDT-metrics-2025-07-08.txt',
    published: '2025-07-09T09:00:00Z',
    body: 'Another kind of data has a tree of its own.\n',
  },
];
