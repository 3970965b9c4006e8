import { defineModelTest } from '../../models/define.ts';

type Day = `${number}-${number}-${number}`;
const listed = (symbol: string, period_start: Day, other: { timeframe?: string; cadence?: 'monthly' } = {}) => ({
  ...({ instrument_type: 'futures-um', cadence: 'daily', timeframe: '1m' } as const),
  ...{ key: `${symbol} ${period_start}`, symbol, period_start, period_end: '2099-01-01' as const },
  ...other,
});

export const a_span_runs_from_the_first_listed_day_to_the_last = defineModelTest({
  model: 'listed_spans',
  description: 'Only the daily tree at the availability timeframe counts as listed.',
  vars: { grace_days: 0 },
  given: {
    archive_objects: [
      listed('A', '2025-06-01'),
      listed('A', '2025-06-05'),
      listed('A', '2025-06-07', { timeframe: '1d' }),
      listed('A', '2025-05-01', { cadence: 'monthly' }),
    ],
  },
  expect: [{ symbol: 'A', first_date: '2025-06-01', last_date: '2025-06-05' }],
});

export const a_symbol_that_stays_away_has_grace_days = defineModelTest({
  model: 'listed_spans',
  description: 'Two grace days, and never past the newest day that is listed for any symbol (A25).',
  vars: { grace_days: 2 },
  given: { archive_objects: [listed('GONE', '2025-06-01'), listed('LATE', '2025-06-04'), listed('NEW', '2025-06-05')] },
  expect: [
    { symbol: 'GONE', last_date: '2025-06-03' },
    { symbol: 'LATE', last_date: '2025-06-05' },
    { symbol: 'NEW', last_date: '2025-06-05' },
  ],
});
