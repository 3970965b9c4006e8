import { defineModelTest } from '../../models/define.ts';

type Day = `${number}-${number}-${number}`;

const um = { instrument_type: 'futures-um', cadence: 'daily' } as const;
const nextDay = (day: Day) => new Date(Date.parse(day) + 86_400_000);

/** The listing and the ledger of daily archives; `read` are those that are loaded. */
function archives(symbol: string, timeframe: string, listed: readonly Day[], read: readonly Day[] = listed) {
  const key = (day: Day) => `${symbol}-${timeframe}-${day}`;
  return {
    listed: listed.map((day) => ({
      ...{ ...um, symbol, timeframe, key: key(day), period_start: day, period_end: nextDay(day) },
    })),
    staged: read.map((day) => ({
      ...{ ...um, symbol, timeframe, key: key(day), period_start: day, period_end: nextDay(day) },
      ...{ status: 'loaded', first_open_time: day },
    })),
  };
}

const bars = (symbol: string, timeframe: string, times: readonly string[]) =>
  times.map((time) => ({ ...um, symbol, timeframe, timestamp: new Date(time) })).map(({ cadence: _, ...bar }) => bar);

const a = archives('A', '1d', ['2025-06-01', '2025-06-03']);

export const a_day_without_an_archive_is_a_hole_of_the_archive = defineModelTest({
  model: 'gaps',
  description: 'An archive inside a published range is missing (A16).',
  given: {
    archive_objects: a.listed,
    staged_archives: a.staged,
    ohlcv: bars('A', '1d', ['2025-06-01', '2025-06-03']),
  },
  expect: [{ symbol: 'A', gap_start: '2025-06-02', gap_end: '2025-06-03', missing_bars: 1, cause: 'archive_hole' }],
});

const refused = archives(
  'A',
  '1d',
  ['2025-06-01', '2025-06-02', '2025-06-03', '2025-06-04'],
  ['2025-06-01', '2025-06-04'],
);

export const archives_that_were_not_taken_in_say_why = defineModelTest({
  model: 'gaps',
  description: 'What the outcome of the archive was is the cause, and its key is the evidence.',
  given: {
    archive_objects: refused.listed,
    staged_archives: [
      ...refused.staged,
      {
        ...um,
        symbol: 'A',
        timeframe: '1d',
        key: 'A-1d-2025-06-02',
        period_start: '2025-06-02',
        period_end: '2025-06-03',
        status: 'rejected',
      },
      {
        ...um,
        symbol: 'A',
        timeframe: '1d',
        key: 'A-1d-2025-06-03',
        period_start: '2025-06-03',
        period_end: '2025-06-04',
        status: 'failed',
      },
    ],
    ohlcv: bars('A', '1d', ['2025-06-01', '2025-06-04']),
  },
  expect: [
    { gap_start: '2025-06-02', cause: 'rejected', evidence: 'A-1d-2025-06-02' },
    { gap_start: '2025-06-03', cause: 'failed', evidence: 'A-1d-2025-06-03' },
  ],
});

const day = archives('A', '8h', ['2025-06-01']);
const neighbour = archives('B', '8h', ['2025-06-01']);
const eightHours = ['2025-06-01T00:00Z', '2025-06-01T08:00Z', '2025-06-01T16:00Z'];
const outage = bars('A', '8h', ['2025-06-01T00:00Z', '2025-06-01T16:00Z']);

export const a_hole_in_a_verified_archive_is_an_outage_of_the_exchange = defineModelTest({
  model: 'gaps',
  description: 'No other series of the market has a bar in the slot either (A17).',
  given: { archive_objects: day.listed, staged_archives: day.staged, ohlcv: outage },
  expect: [
    {
      ...{ gap_start: '2025-06-01T08:00:00Z', gap_end: '2025-06-01T16:00:00Z', missing_bars: 1 },
      ...{ cause: 'exchange_outage', evidence: 'A-8h-2025-06-01' },
    },
  ],
});

export const a_hole_while_others_trade_is_a_hole_of_the_archive = defineModelTest({
  model: 'gaps',
  description: 'The file is cut (A30, B38).',
  given: {
    archive_objects: [...day.listed, ...neighbour.listed],
    staged_archives: [...day.staged, ...neighbour.staged],
    ohlcv: [...outage, ...bars('B', '8h', eightHours)],
  },
  expect: [{ symbol: 'A', gap_start: '2025-06-01T08:00:00Z', cause: 'archive_hole' }],
});

const june = Array.from({ length: 10 }, (_, at): Day => `2025-06-${at + 1}`.replace(/-(\d)$/, '-0$1') as Day);
const market = archives('BTC', '1d', june);
const luna = archives('LUNA', '1d', ['2025-06-01', '2025-06-10']);
const spells = [{ instrument_type: 'futures-um', symbol: 'LUNA', spells: 2 } as const];

export const a_ticker_that_stays_away_for_more_than_a_week_is_not_trading = defineModelTest({
  model: 'gaps',
  description: 'The hole lies between two spells of the ticker, while others of its market are listed (A24).',
  given: {
    symbols: spells,
    archive_objects: [...luna.listed, ...market.listed],
    staged_archives: [...luna.staged, ...market.staged],
    ohlcv: [...bars('LUNA', '1d', ['2025-06-01', '2025-06-10']), ...bars('BTC', '1d', june)],
  },
  expect: [{ symbol: 'LUNA', gap_start: '2025-06-02', gap_end: '2025-06-10', missing_bars: 8, cause: 'not_trading' }],
});

export const days_on_which_nothing_is_listed_say_nothing_of_a_ticker = defineModelTest({
  model: 'gaps',
  description: 'Where no archive of the market is listed, the archive is missing and not the ticker (A21).',
  given: {
    symbols: spells,
    archive_objects: luna.listed,
    staged_archives: luna.staged,
    ohlcv: bars('LUNA', '1d', ['2025-06-01', '2025-06-10']),
  },
  expect: [{ gap_start: '2025-06-02', gap_end: '2025-06-10', missing_bars: 8, cause: 'archive_hole' }],
});
