import { defineModelTest } from '../../models/define.ts';

const perpetual = { instrument_type: 'futures-um', contract_type: 'perpetual', quote_asset: 'USDT' } as const;
const day = { available: true, status_code: 200, quote_volume_usdt: 100, trade_count: 1 } as const;

export const ties_share_a_rank = defineModelTest({
  model: 'volume_rankings',
  description: 'Symbols with the same turnover share a rank, and the next one has the rank after it.',
  asOf: '2025-06-10',
  given: {
    symbols: ['A', 'B', 'C'].map((symbol) => ({ ...perpetual, symbol })),
    daily_availability: [
      { ...day, date: '2025-06-01', symbol: 'A', quote_volume_usdt: 500 },
      { ...day, date: '2025-06-01', symbol: 'B', quote_volume_usdt: 500 },
      { ...day, date: '2025-06-01', symbol: 'C', quote_volume_usdt: 250 },
    ],
  },
  expect: [
    { date: '2025-06-01', symbol: 'A', rank: 1, percentile: 0, market_share_pct: 40 },
    { date: '2025-06-01', symbol: 'B', rank: 1, percentile: 0, market_share_pct: 40 },
    { date: '2025-06-01', symbol: 'C', rank: 2, percentile: 100, market_share_pct: 20 },
  ],
});

export const only_perpetuals_in_ranked_quote_assets_that_traded = defineModelTest({
  model: 'volume_rankings',
  description: 'Settled copies, deliveries, other quote assets and days without a trade are not ranked (B4, A13, A23).',
  asOf: '2025-06-10',
  given: {
    symbols: [
      { ...perpetual, symbol: 'A' },
      { ...perpetual, symbol: 'ASETTLED', contract_type: 'settled' },
      { ...perpetual, symbol: 'A_250627', contract_type: 'delivery' },
      { ...perpetual, symbol: 'C', quote_asset: 'USDC' },
      { ...perpetual, symbol: 'N', quote_asset: null },
      { ...perpetual, symbol: 'S', instrument_type: 'spot', contract_type: 'spot' },
      { ...perpetual, symbol: 'Z' },
      { ...perpetual, symbol: 'V' },
    ],
    daily_availability: [
      ...['A', 'ASETTLED', 'A_250627', 'C', 'N', 'S'].map((symbol) => ({
        ...day,
        date: '2025-06-01' as const,
        symbol,
      })),
      { ...day, date: '2025-06-01', symbol: 'Z', trade_count: 0 },
      { ...day, date: '2025-06-01', symbol: 'V', quote_volume_usdt: null },
    ],
  },
  expect: [{ symbol: 'A', rank: 1, market_share_pct: 100 }],
});

export const quote_assets_are_those_of_the_var = defineModelTest({
  model: 'volume_rankings',
  asOf: '2025-06-10',
  vars: { ranking_quote_assets: ['USDC'] },
  given: {
    symbols: [
      { ...perpetual, symbol: 'AUSDT' },
      { ...perpetual, symbol: 'AUSDC', quote_asset: 'USDC' },
    ],
    daily_availability: ['AUSDT', 'AUSDC'].map((symbol) => ({ ...day, date: '2025-06-01' as const, symbol })),
  },
  expect: [{ symbol: 'AUSDC' }],
});

export const rank_changes_count_calendar_days = defineModelTest({
  model: 'volume_rankings',
  description:
    'A change is against the day so many calendar days before, and NULL if the symbol was not ranked then (B3).',
  asOf: '2025-06-20',
  given: {
    symbols: ['A', 'B'].map((symbol) => ({ ...perpetual, symbol })),
    daily_availability: [
      { ...day, date: '2025-06-01', symbol: 'A', quote_volume_usdt: 2 },
      { ...day, date: '2025-06-01', symbol: 'B', quote_volume_usdt: 1 },
      // Two days on which A is away.
      { ...day, date: '2025-06-02', symbol: 'B' },
      { ...day, date: '2025-06-03', symbol: 'B' },
      { ...day, date: '2025-06-08', symbol: 'A', quote_volume_usdt: 1 },
      { ...day, date: '2025-06-08', symbol: 'B', quote_volume_usdt: 2 },
      { ...day, date: '2025-06-09', symbol: 'A', quote_volume_usdt: 1 },
    ],
  },
  expect: [
    { date: '2025-06-01', symbol: 'A', rank: 1, rank_change_1d: null, rank_change_7d: null, days_available: 1 },
    { date: '2025-06-01', symbol: 'B', rank: 2, rank_change_1d: null, rank_change_7d: null, days_available: 1 },
    { date: '2025-06-02', symbol: 'B', rank: 1, rank_change_1d: -1, rank_change_7d: null, days_available: 2 },
    { date: '2025-06-03', symbol: 'B', rank: 1, rank_change_1d: 0, rank_change_7d: null, days_available: 3 },
    { date: '2025-06-08', symbol: 'A', rank: 2, rank_change_1d: null, rank_change_7d: 1, days_available: 2 },
    { date: '2025-06-08', symbol: 'B', rank: 1, rank_change_1d: null, rank_change_7d: -1, days_available: 4 },
    { date: '2025-06-09', symbol: 'A', rank: 1, rank_change_1d: -1, rank_change_7d: null, days_available: 3 },
  ],
});

export const looks_back_over_a_spell_of_thirty_days = defineModelTest({
  model: 'volume_rankings',
  description:
    'days_available counts the 30 days that end today, today included; the change of 30 days is against the day before them.',
  asOf: '2025-07-10',
  given: {
    symbols: ['A', 'B'].map((symbol) => ({ ...perpetual, symbol })),
    daily_availability: [
      { ...day, date: '2025-06-01', symbol: 'A', quote_volume_usdt: 1 },
      { ...day, date: '2025-06-01', symbol: 'B', quote_volume_usdt: 2 },
      { ...day, date: '2025-06-02', symbol: 'A' },
      { ...day, date: '2025-07-01', symbol: 'A' },
    ],
  },
  expect: [
    { date: '2025-06-01', symbol: 'A', rank: 2, rank_change_30d: null, days_available: 1 },
    { date: '2025-06-01', symbol: 'B', rank: 1, rank_change_30d: null, days_available: 1 },
    { date: '2025-06-02', symbol: 'A', rank: 1, rank_change_30d: null, days_available: 2 },
    { date: '2025-07-01', symbol: 'A', rank: 1, rank_change_30d: -1, days_available: 2 },
  ],
});

const arrivals = (arrived: number) =>
  Array.from({ length: 10 }, (_, at) => `S${at}`).flatMap((symbol, at) => [
    { ...day, date: '2025-06-01' as const, symbol },
    { ...day, date: '2025-06-02' as const, symbol, available: at < arrived },
  ]);
const ten = Array.from({ length: 10 }, (_, at) => ({ ...perpetual, symbol: `S${at}` }));
const first = (date: '2025-06-01' | '2025-06-02') => ten.map(({ symbol }) => ({ date, symbol }));

export const an_incomplete_day_is_withheld = defineModelTest({
  model: 'volume_rankings',
  description: 'Of the ten symbols that were available the day before, eight have arrived: fewer than 90 %.',
  asOf: '2025-06-03T09:00:00Z',
  given: { symbols: ten, daily_availability: arrivals(8) },
  expect: first('2025-06-01'),
});

export const a_complete_day_is_ranked = defineModelTest({
  model: 'volume_rankings',
  asOf: '2025-06-03T09:00:00Z',
  given: { symbols: ten, daily_availability: arrivals(9) },
  expect: [...first('2025-06-01'), ...first('2025-06-02')],
});

export const an_incomplete_day_is_ranked_after_48_hours = defineModelTest({
  model: 'volume_rankings',
  description: 'The day ends at 2025-06-03T00:00Z; waiting longer than 48 hours is of no use.',
  asOf: '2025-06-05T00:00:01Z',
  given: { symbols: ten, daily_availability: arrivals(8) },
  expect: [...first('2025-06-01'), ...first('2025-06-02')],
});
