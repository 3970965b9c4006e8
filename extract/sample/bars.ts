import { msOfDay } from '../../exchange/timeframes.ts';
import { daysOf, listedDays } from './archives.ts';
import { archiveStart, halt, irregularClose, tiedVolumes } from './cases.ts';
import { createRandom, dateOf, dayOf, exp, type Random, unitsPerOne } from './numbers.ts';
import { createPrices, firstDay, type PriceDay } from './prices.ts';
import { type Contract, contracts, type Spell, streamOf } from './universe.ts';

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

const ties = new Map(tiedVolumes.map(({ date, symbols }) => [dayOf(date), symbols]));

/** The symbol that another one has its quote volume from on a day of a tie. */
function tieLeader(symbol: string, day: number): string | undefined {
  const [leader, ...followers] = ties.get(day) ?? [];
  return followers.includes(symbol) ? leader : undefined;
}

const [haltFirst, haltEnd] = daysOf(halt);
const isHalted = (symbol: string, day: number): boolean => symbol === halt.symbol && haltFirst <= day && day < haltEnd;

/** How far the perpetual contract is above spot, as a share, at midnight of each day since the archive's start. */
function premiums(seed: string, symbol: string, days: number): readonly number[] {
  const random = createRandom(seed, 'premium', symbol);
  let premium = 0.0003;
  return Array.from({ length: days + 1 }, () => {
    premium = 0.9 * premium + 0.00003 + 0.00015 * random.normal();
    return premium;
  });
}

/** The prices of spot on a day, given those of the perpetual contract. */
const atSpot = (day: PriceDay, path: readonly number[], i: number): PriceDay => ({
  ...day,
  open: day.open / (1 + (path[i] ?? 0)),
  close: day.close / (1 + (path[i + 1] ?? 0)),
});

/** Returns the price of a contract's asset: a delivery contract pays for the time until it expires. */
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
 * The 1d bar of a contract on a day since 1970-01-01, for listed days before `endDay`; a later end never changes an
 * earlier bar. A contract's bars are made together, when the first of them is asked for.
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

/** Log activity of the whole market by day: slow moods, quiet weekends, busy when prices move. */
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
 * Quote volume of each day since the archive's start: a slow drift that moves ranks over weeks, noise of days,
 * and rare bursts that fade over a week. The largest contracts are calmer.
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

/** How much more a new listing trades, by days since it. */
const listingRush = (age: number): number => 1 + 4.5 * exp(-age / 5);

/** How much more is traded when a price moves further than usual. */
const liveliness = ({ surprise }: PriceDay): number => exp(0.2 * Math.max(0, Math.abs(surprise) - 0.8));
