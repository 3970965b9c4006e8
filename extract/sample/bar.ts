import { msOfDay } from '../../exchange/timeframes.ts';
import { unitsPerOne } from './decimals.ts';
import type { PriceDay } from './prices.ts';
import type { Random } from './random.ts';
import type { Contract } from './universe.ts';

export interface OpenHighLowClose {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
}

/** A kline in whole units of its last published decimal: prices have `p`, quantities `q`, quote volumes `p + q` decimals. */
export interface Bar extends OpenHighLowClose {
  /** ms. */
  readonly openTime: number;
  /** ms, the last one that belongs to the bar. */
  readonly closeTime: number;
  readonly volume: number;
  readonly quoteVolume: number;
  readonly trades: number;
  readonly takerVolume: number;
  readonly takerQuoteVolume: number;
}

export const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

const dayTimes = (day: number) => ({ openTime: day * msOfDay, closeTime: (day + 1) * msOfDay - 1 });

/** The 1d bar of a day on which nothing was traded (A13). */
export const flatBar = (day: number, price: number): Bar => ({
  ...dayTimes(day),
  open: price,
  high: price,
  low: price,
  close: price,
  volume: 0,
  quoteVolume: 0,
  trades: 0,
  takerVolume: 0,
  takerQuoteVolume: 0,
});

/** A day's prices on the contract's ticks: low ≤ open, close ≤ high. */
export function pricesOf({ tick, priceDecimals }: Contract, { open, close, above, below }: PriceDay): OpenHighLowClose {
  const perTick = unitsPerOne(priceDecimals) / tick;
  const onTick = (price: number): number => Math.max(1, Math.round(price * perTick)) * tick;
  return {
    open: onTick(open),
    high: onTick(Math.max(open, close) * (1 + above)),
    low: onTick(Math.min(open, close) * (1 - below)),
    close: onTick(close),
  };
}

/** The 1d bar of a day's prices and quote volume (units): its volume has a mean price well inside the bar. */
export function tradedBar(
  day: number,
  prices: OpenHighLowClose,
  quoteVolume: number,
  quoteDecimals: number,
  random: Random,
): Bar {
  const { open, high, low, close } = prices;
  const middle = (open + high + low + close) / 4;
  const margin = 0.05 * (high - low);
  const mean = clamp(middle + margin * random.normal(), low + margin, high - margin);
  const volume = Math.max(1, Math.round(quoteVolume / mean));
  const takerVolume = Math.round(volume * clamp(0.495 + 0.02 * random.normal(), 0.4, 0.6));
  const takerShare = (takerVolume / volume) * (1 + 0.0004 * random.normal());
  const takerQuoteVolume = Math.round(quoteVolume * Math.min(1, takerShare));
  // Large contracts have larger trades.
  const trades = Math.ceil(45 * Math.sqrt(quoteVolume / unitsPerOne(quoteDecimals)) * (0.7 + 0.6 * random.uniform()));
  return { ...dayTimes(day), ...prices, volume, quoteVolume, trades, takerVolume, takerQuoteVolume };
}
