import { defineModelTest } from '../../models/define.ts';

const bar = {
  timeframe: '1d',
  timestamp: '2025-06-01',
  volume: 20,
  taker_buy_base_asset_volume: 8,
  quote_asset_volume: 3,
  taker_buy_quote_asset_volume: 1,
} as const;

export const coin_margined_bars_count_contracts = defineModelTest({
  model: 'ohlcv_units',
  description: 'Their volume is contracts, each of its own size or 10 USD, and their turnover is base asset (A4).',
  given: {
    contract_sizes: [{ pair: 'BTCUSD', contract_size: 100 }],
    ohlcv: [
      { ...bar, instrument_type: 'spot', symbol: 'BTCUSDT' },
      { ...bar, instrument_type: 'futures-um', symbol: 'BTCUSD_PERP' },
      { ...bar, instrument_type: 'futures-cm', symbol: 'BTCUSD_PERP' },
      { ...bar, instrument_type: 'futures-cm', symbol: 'BTCUSD_250926' },
      { ...bar, instrument_type: 'futures-cm', symbol: 'ETHUSD_PERP' },
    ],
  },
  expect: [
    { symbol: 'BTCUSDT', base_volume: 20, quote_volume: 3, taker_buy_base_volume: 8, taker_buy_quote_volume: 1 },
    { symbol: 'BTCUSD_PERP', base_volume: 20, quote_volume: 3, taker_buy_base_volume: 8, taker_buy_quote_volume: 1 },
    {
      symbol: 'BTCUSD_PERP',
      base_volume: 3,
      quote_volume: 2000,
      taker_buy_base_volume: 1,
      taker_buy_quote_volume: 800,
    },
    {
      symbol: 'BTCUSD_250926',
      base_volume: 3,
      quote_volume: 2000,
      taker_buy_base_volume: 1,
      taker_buy_quote_volume: 800,
    },
    { symbol: 'ETHUSD_PERP', base_volume: 3, quote_volume: 200, taker_buy_base_volume: 1, taker_buy_quote_volume: 80 },
  ],
});
