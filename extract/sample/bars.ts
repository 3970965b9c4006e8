import { msOfDay } from '../../exchange/timeframes.ts';
import { daysOf, listedDays } from './archives.ts';
import { archiveStart, halt, irregularClose, tiedVolumes } from './cases.ts';
import { createRandom, dateOf, dayOf, exp, type Random, unitsPerOne } from './numbers.ts';
import { assets, type Contract, contracts, type Spell, streamOf } from './universe.ts';

const firstDay = dayOf(archiveStart);

/** The prices of one asset on one day, in USDT. */
export interface PriceDay {
  readonly open: number;
  readonly close: number;
  /** How far the high and the low are beyond open and close, as shares of these. */
  readonly above: number;
  readonly below: number;
  /** The asset's own return in standard deviations, which also affects volume. */
  readonly surprise: number;
}

export interface Prices {
  /** The market's log return on each day since the start of the archive. */
  readonly market: readonly number[];
  /** Returns an asset's days since the start of the archive. */
  of(asset: string): readonly PriceDay[];
}

/** Returns a normal number whose spread is much larger on one day in twenty. */
const heavyTailed = (random: Random): number => random.normal() * (random.uniform() < 0.05 ? 2.4 : 0.9);

/** Creates geometric random walks that share a market factor. A longer horizon never changes an earlier day. */
function createPrices(seed: string, days: number): Prices {
  const marketRandom = createRandom(seed, 'market');
  const market = Array.from({ length: days }, () => 0.017 * heavyTailed(marketRandom));

  const walk = (name: string): readonly PriceDay[] => {
    const asset = assets.get(name);
    if (!asset) throw new RangeError(`the sample has no asset '${name}'`);
    const random = createRandom(seed, 'price', name);
    const beta = name === 'BTC' ? 0.85 : 1.05 + 0.3 * random.uniform();
    let close = asset.price;
    return market.map((marketReturn) => {
      const open = close;
      const surprise = heavyTailed(random);
      const dailyReturn = beta * marketReturn + asset.volatility * surprise;
      close = open * exp(dailyReturn);
      const range = 0.5 * (asset.volatility + Math.abs(dailyReturn));
      const above = range * Math.abs(random.normal()) * 0.6 + 0.0008;
      const below = range * Math.abs(random.normal()) * 0.6 + 0.0008;
      return { open, close, above, below: Math.min(below, 0.5), surprise };
    });
  };

  const known = new Map<string, readonly PriceDay[]>();
  const of = (asset: string): readonly PriceDay[] => {
    const path = known.get(asset) ?? walk(asset);
    known.set(asset, path);
    return path;
  };
  return { market, of };
}

export interface OpenHighLowClose {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
}

/** A kline in units of the last published decimal: prices have `p` decimals, quantities `q`, quote volumes `p + q`. */
export interface Bar extends OpenHighLowClose {
  /** ms. */
  readonly openTime: number;
  /** The last ms that belongs to the bar. */
  readonly closeTime: number;
  readonly volume: number;
  readonly quoteVolume: number;
  readonly trades: number;
  readonly takerVolume: number;
  readonly takerQuoteVolume: number;
}

export const clamp = (value: number, low: number, high: number): number => Math.min(Math.max(value, low), high);

const dayTimes = (day: number) => ({ openTime: day * msOfDay, closeTime: (day + 1) * msOfDay - 1 });

/** Creates the 1d bar of a day without trades (A13). */
const flatBar = (day: number, price: number): Bar => ({
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

/** Rounds a day's prices to the contract's ticks, with low ≤ open, close ≤ high. */
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

/** Creates a 1d bar from prices and a quote volume in units. Its volume has a mean price well within the bar. */
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
  // Contracts with more volume have larger trades.
  const trades = Math.ceil(45 * Math.sqrt(quoteVolume / unitsPerOne(quoteDecimals)) * (0.7 + 0.6 * random.uniform()));
  return { ...dayTimes(day), ...prices, volume, quoteVolume, trades, takerVolume, takerQuoteVolume };
}

const ties = new Map(tiedVolumes.map(({ date, symbols }) => [dayOf(date), symbols]));

/** Returns the symbol whose quote volume this one copies on a day with a tie. */
function tieLeader(symbol: string, day: number): string | undefined {
  const [leader, ...followers] = ties.get(day) ?? [];
  return followers.includes(symbol) ? leader : undefined;
}

const [haltFirst, haltEnd] = daysOf(halt);
const isHalted = (symbol: string, day: number): boolean => symbol === halt.symbol && haltFirst <= day && day < haltEnd;

/** Returns how far the perpetual is above spot, as a share, at midnight of each day since the start of the archive. */
function premiums(seed: string, symbol: string, days: number): readonly number[] {
  const random = createRandom(seed, 'premium', symbol);
  let premium = 0.0003;
  return Array.from({ length: days + 1 }, () => {
    premium = 0.9 * premium + 0.00003 + 0.00015 * random.normal();
    return premium;
  });
}

/** Returns the prices of spot on a day, given those of the perpetual contract. */
const atSpot = (day: PriceDay, path: readonly number[], i: number): PriceDay => ({
  ...day,
  open: day.open / (1 + (path[i] ?? 0)),
  close: day.close / (1 + (path[i + 1] ?? 0)),
});

/** Returns the prices of a contract. A delivery contract has a premium for the time until it expires. */
function quotedAt(
  contract: Contract,
  spell: Spell,
  day: number,
  asset: PriceDay,
  quote: PriceDay | undefined,
): PriceDay {
  const daysLeft = contract.kind === 'delivery' ? daysOf(spell)[1] - day : 0;
  const premium = 1 + (0.06 * daysLeft) / 365;
  const open = (asset.open * premium) / (quote?.open ?? 1);
  const close = (asset.close * premium) / (quote?.close ?? 1);
  return { ...asset, open, close };
}

/**
 * Returns a function for the 1d bar of a contract on a day since 1970-01-01, for listed days before `endDay`. A later
 * end never changes an earlier bar. The bars of a contract are created together, when the first of them is requested.
 */
export function createBars(seed: string, endDay: number): (contract: Contract, day: number) => Bar {
  const prices = createPrices(seed, Math.max(0, endDay - firstDay));
  const activity = marketActivity(seed, prices.market);
  const perpetuals = new Map(
    contracts.flatMap((one) => (one.kind === 'perpetual' ? [[one.symbol, one] as const] : [])),
  );
  const known = new Map<Contract, ReadonlyMap<number, Bar>>();

  function make(contract: Contract): ReadonlyMap<number, Bar> {
    const { symbol, kind, quote } = contract;
    const quoteDecimals = contract.priceDecimals + contract.quantityDecimals;
    const random = createRandom(seed, 'bar', streamOf(contract));
    const premiumPath = kind === 'spot' ? premiums(seed, symbol, activity.length) : [];
    const quotePath = quote === 'BTC' ? prices.of(quote) : [];
    const volumes = quoteVolumes(seed, contract, activity);
    const bars = new Map<number, Bar>();
    let lastClose: number | undefined;
    for (const { day, spell } of listedDays(contract, endDay)) {
      const i = day - firstDay;
      const asset = prices.of(spell.asset)[i];
      const volume = volumes[i];
      if (asset === undefined || volume === undefined) continue;
      const quoted = quotedAt(contract, spell, day, asset, quotePath[i]);
      const dayPrices = pricesOf(contract, kind === 'spot' ? atSpot(quoted, premiumPath, i) : quoted);
      if (kind === 'settled' || isHalted(symbol, day)) {
        lastClose ??= dayPrices.open;
        const bar = flatBar(day, lastClose);
        const isIrregular = symbol === irregularClose.symbol && day === dayOf(irregularClose.date);
        bars.set(day, isIrregular ? { ...bar, closeTime: bar.openTime - 1 } : bar);
        continue;
      }
      lastClose = dayPrices.close;
      const isNew = kind === 'perpetual' && spell.from > archiveStart;
      const expected = volume * liveliness(asset) * (isNew ? listingRush(day - daysOf(spell)[0]) : 1);
      const leader = perpetuals.get(tieLeader(symbol, day) ?? '');
      const quoteVolume =
        leader === undefined ? Math.round(expected * unitsPerOne(quoteDecimals)) : barOf(leader, day).quoteVolume;
      bars.set(day, tradedBar(day, dayPrices, quoteVolume, quoteDecimals, random));
    }
    return bars;
  }

  function barOf(contract: Contract, day: number): Bar {
    const bars = known.get(contract) ?? make(contract);
    known.set(contract, bars);
    const bar = bars.get(day);
    if (!bar) throw new RangeError(`the sample has no bar of ${streamOf(contract)} on ${dateOf(day)}`);
    return bar;
  }
  return barOf;
}

/** Returns the log activity of the market by day: it drifts slowly, falls on weekends and rises when prices move. */
function marketActivity(seed: string, market: readonly number[]): readonly number[] {
  const random = createRandom(seed, 'activity');
  let mood = 0.2 * random.normal();
  return market.map((marketReturn, i) => {
    mood = 0.85 * mood + 0.1 * random.normal();
    // 1970-01-01 was a Thursday: Saturday is 2, Sunday 3.
    const weekday = (firstDay + i) % 7;
    const weekend = weekday === 2 ? -0.36 : weekday === 3 ? -0.28 : 0;
    return mood + weekend + 9 * Math.abs(marketReturn);
  });
}

/**
 * Returns the quote volume of each day since the start of the archive: a slow drift that changes ranks over weeks,
 * daily noise, and rare bursts that fade over a week. The largest contracts vary less.
 */
function quoteVolumes(seed: string, contract: Contract, market: readonly number[]): readonly number[] {
  const { volume } = contract;
  const random = createRandom(seed, 'volume', streamOf(contract));
  const calm = volume >= 3e9 ? 0.35 : 1;
  let drift = 0.45 * random.normal();
  let noise = 0;
  let burst = 0;
  return market.map((activity) => {
    drift = 0.975 * drift + 0.1 * random.normal();
    noise = 0.55 * noise + 0.22 * random.normal();
    const isBurst = random.uniform() < 0.018;
    const size = 0.7 + 2.4 * random.uniform() * random.uniform();
    burst = 0.74 * burst + (isBurst ? size : 0);
    return volume * exp(activity + calm * (drift + noise + burst));
  });
}

/** Returns by what factor the volume of a new listing is higher, by days since it was listed. */
const listingRush = (age: number): number => 1 + 4.5 * exp(-age / 5);

/** Returns by what factor volume is higher when the price moves further than usual. */
const liveliness = ({ surprise }: PriceDay): number => exp(0.2 * Math.max(0, Math.abs(surprise) - 0.8));
