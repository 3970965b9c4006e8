import { defineModelTest } from '../../models/define.ts';

const listed = {
  instrument_type: 'futures-um',
  cadence: 'daily',
  period_start: '2025-06-01',
  period_end: '2025-06-02',
} as const;

export const a_name_says_its_assets_and_contract = defineModelTest({
  model: 'symbols',
  description:
    'Settled copies, numbered ones too, deliveries and perpetuals are told by the end of their name (A22, A27).',
  given: {
    known_quote_assets: [{ asset: 'USDT' }, { asset: 'BTC' }],
    archive_objects: [
      'BTCUSDT',
      '币安人生USDT',
      'BTCUSDT_260327',
      'ICPUSDT_SETTLED1',
      'AERGOUSDTSETTLEDSETTLED',
      'ETHBTC',
      'FOOBAR',
    ].map((symbol) => ({ ...listed, key: symbol, symbol })),
  },
  expect: [
    { symbol: 'BTCUSDT', base_asset: 'BTC', quote_asset: 'USDT', contract_type: 'perpetual' },
    { symbol: '币安人生USDT', base_asset: '币安人生', quote_asset: 'USDT', contract_type: 'perpetual' },
    { symbol: 'BTCUSDT_260327', base_asset: 'BTC', quote_asset: 'USDT', contract_type: 'delivery' },
    { symbol: 'ICPUSDT_SETTLED1', base_asset: 'ICP', quote_asset: 'USDT', contract_type: 'settled' },
    { symbol: 'AERGOUSDTSETTLEDSETTLED', base_asset: 'AERGO', quote_asset: 'USDT', contract_type: 'settled' },
    { symbol: 'ETHBTC', base_asset: 'ETH', quote_asset: 'BTC', contract_type: 'perpetual' },
    { symbol: 'FOOBAR', base_asset: null, quote_asset: null, contract_type: 'perpetual' },
  ],
});

export const the_longest_known_quote_asset_wins_unless_an_exception_says_otherwise = defineModelTest({
  model: 'symbols',
  description: 'Exceptions hold in every market but futures-cm, whose names are BASE + USD (A27).',
  given: {
    known_quote_assets: [{ asset: 'USD' }, { asset: 'BUSD' }, { asset: 'EUR' }],
    symbol_exceptions: [{ name: 'BTCAEUR', base_asset: 'BTC', quote_asset: 'AEUR' }],
    archive_objects: [
      { ...listed, key: '1', instrument_type: 'spot', symbol: 'BTCAEUR' },
      { ...listed, key: '2', instrument_type: 'spot', symbol: 'ADAEUR' },
      { ...listed, key: '3', instrument_type: 'spot', symbol: 'BNBUSD' },
      { ...listed, key: '4', instrument_type: 'futures-cm', symbol: 'BNBUSD_PERP' },
    ],
  },
  expect: [
    { symbol: 'BTCAEUR', base_asset: 'BTC', quote_asset: 'AEUR', contract_type: 'spot' },
    { symbol: 'ADAEUR', base_asset: 'ADA', quote_asset: 'EUR', contract_type: 'spot' },
    { symbol: 'BNBUSD', base_asset: 'BN', quote_asset: 'BUSD', contract_type: 'spot' },
    { symbol: 'BNBUSD_PERP', base_asset: 'BNB', quote_asset: 'USD', contract_type: 'perpetual' },
  ],
});

export const a_ticker_that_is_used_again_has_two_spells = defineModelTest({
  model: 'symbols',
  description: 'A hole of more than 7 days begins a spell; one of 7 days does not (A24).',
  given: {
    archive_objects: [
      { ...listed, key: '1', symbol: 'LUNA', period_start: '2025-06-01', period_end: '2025-06-02' },
      { ...listed, key: '2', symbol: 'LUNA', period_start: '2025-06-09', period_end: '2025-06-10' },
      { ...listed, key: '3', symbol: 'LUNA', period_start: '2025-06-18', period_end: '2025-06-19' },
    ],
  },
  expect: [{ symbol: 'LUNA', first_date: '2025-06-01', last_date: '2025-06-18', spells: 2 }],
});

export const a_file_that_exists_is_not_a_trade = defineModelTest({
  model: 'symbols',
  description:
    'A settled contract publishes a flat bar every day; its last traded day is that of its last trade (A13).',
  given: {
    archive_objects: [{ ...listed, key: '1', symbol: 'OLD' }],
    ohlcv: [
      { instrument_type: 'futures-um', symbol: 'OLD', timeframe: '1d', timestamp: '2025-06-01', number_of_trades: 3 },
      { instrument_type: 'futures-um', symbol: 'OLD', timeframe: '1d', timestamp: '2025-06-02', number_of_trades: 0 },
      { instrument_type: 'spot', symbol: 'OLD', timeframe: '1d', timestamp: '2025-06-03', number_of_trades: 3 },
    ],
  },
  expect: [{ symbol: 'OLD', last_traded_date: '2025-06-01' }],
});

export const monthly_archives_count_where_there_are_no_daily_ones = defineModelTest({
  model: 'symbols',
  given: {
    archive_objects: [
      { ...listed, key: '1', symbol: 'A', cadence: 'monthly', period_start: '2025-05-01', period_end: '2025-06-01' },
      { ...listed, key: '2', symbol: 'B', cadence: 'monthly', period_start: '2025-05-01', period_end: '2025-06-01' },
      { ...listed, key: '3', symbol: 'B' },
    ],
  },
  expect: [
    { symbol: 'A', first_date: '2025-05-01', last_date: '2025-05-31' },
    { symbol: 'B', first_date: '2025-06-01', last_date: '2025-06-01' },
  ],
});
