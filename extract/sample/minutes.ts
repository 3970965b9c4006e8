import { type Bar, clamp } from './bars.ts';
import { exp, msOfMinute, type Random } from './numbers.ts';

const minutesOfDay = 1_440;

const minuteTimes = (day: Bar, minute: number) => {
  const openTime = day.openTime + minute * msOfMinute;
  return { openTime, closeTime: openTime + msOfMinute - 1 };
};

/**
 * Creates four of a day's 1,440 bars, one every six hours, within the range of its 1d bar. A listing needs only their
 * MD5, and generating whole days for every symbol would take longer than running the pipeline.
 */
export function sparseMinutes(day: Bar, tick: number, random: Random): readonly Bar[] {
  const inside = (price: number): number => clamp(Math.round(price / tick) * tick, day.low, day.high);
  const spread = 0.02 * (day.high - day.low);
  return [0, 360, 720, 1_080].map((minute) => {
    const times = minuteTimes(day, minute);
    if (day.trades === 0) return { ...day, ...times };
    const trend = day.open + ((day.close - day.open) * minute) / minutesOfDay;
    const open = minute === 0 ? day.open : inside(trend + 6 * spread * random.normal());
    const close = inside(open + spread * random.normal());
    const volume = Math.max(1, Math.round((day.volume / minutesOfDay) * (0.3 + 1.4 * random.uniform())));
    const quoteVolume = Math.round((volume * (open + close)) / 2);
    const takerVolume = Math.round(volume * (0.35 + 0.3 * random.uniform()));
    return {
      ...times,
      open,
      high: Math.max(open, close),
      low: Math.min(open, close),
      close,
      volume,
      quoteVolume,
      trades: Math.ceil((day.trades * volume) / day.volume),
      takerVolume,
      takerQuoteVolume: Math.round((quoteVolume * takerVolume) / volume),
    };
  });
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Divides a total into whole parts in proportion to weights. They add up to the total exactly. */
function apportion(total: number, weights: readonly number[]): readonly number[] {
  const all = sum(weights);
  let weight = 0;
  let given = 0;
  return weights.map((share) => {
    weight += share;
    const part = Math.round((total * weight) / all) - given;
    given += part;
    return part;
  });
}

/** Creates a path of 1,441 prices on ticks from open to close, which reaches the day's high and low but not beyond. */
function pathOf({ open, high, low, close }: Bar, tick: number, random: Random): readonly number[] {
  const walk = [0];
  for (let i = 0; i < minutesOfDay; i++) walk.push((walk[i] ?? 0) + random.normal());
  const end = walk[minutesOfDay] ?? 0;
  const line = walk.map((_, i) => open + ((close - open) * i) / minutesOfDay);
  const bridge = walk.map((value, i) => value - (end * i) / minutesOfDay);
  // Each side is stretched on its own, until its first point reaches the limit.
  const room = (bound: number, sign: number) =>
    Math.min(
      ...bridge.map((value, i) => (value * sign > 0 ? Math.abs((bound - (line[i] ?? bound)) / value) : Infinity)),
    );
  const up = room(high, 1);
  const down = room(low, -1);
  return bridge.map((value, i) => {
    // A walk that stays on one side has infinite room on the other, and 0 × ∞ is NaN.
    const price = (line[i] ?? open) + (value === 0 ? 0 : value * (value > 0 ? up : down));
    return clamp(Math.round(price / tick) * tick, low, high);
  });
}

/** Creates all 1,440 bars of a day with trades. They add up to its 1d bar in every column. */
export function allMinutes(day: Bar, tick: number, random: Random): readonly Bar[] {
  const path = pathOf(day, tick, random);
  const prices = path.slice(0, -1).map((open, i) => {
    const close = path[i + 1] ?? open;
    const wick = () => Math.round(Math.abs(random.normal()) * 2) * tick;
    const high = Math.min(day.high, Math.max(open, close) + wick());
    const low = Math.max(day.low, Math.min(open, close) - wick());
    return { open, high, low, close, middle: (open + high + low + close) / 4 };
  });

  // Volume is weighted towards high or low prices, so that its mean price is that of the day.
  const noise = prices.map(() => exp(0.6 * random.normal()));
  const total = sum(noise);
  const mean = sum(prices.map(({ middle }, i) => middle * (noise[i] ?? 0))) / total;
  const variance = sum(prices.map(({ middle }, i) => (middle - mean) ** 2 * (noise[i] ?? 0))) / total;
  const lean = (day.quoteVolume / day.volume - mean) / variance;
  const weights = prices.map(({ middle }, i) => (noise[i] ?? 0) * Math.max(0.05, 1 + lean * (middle - mean)));

  const volumes = apportion(day.volume, weights);
  const quoteVolumes = apportion(
    day.quoteVolume,
    prices.map(({ middle }, i) => middle * (volumes[i] ?? 0)),
  );
  const trades = apportion(day.trades, weights);
  const takerVolumes = apportion(
    day.takerVolume,
    volumes.map((volume) => volume * (0.4 + 0.2 * random.uniform())),
  );
  const takerQuoteVolumes = apportion(
    day.takerQuoteVolume,
    quoteVolumes.map((amount, i) => (amount * (takerVolumes[i] ?? 0)) / (volumes[i] || 1)),
  );
  return prices.map(({ open, high, low, close }, i) => ({
    ...minuteTimes(day, i),
    open,
    high,
    low,
    close,
    volume: volumes[i] ?? 0,
    quoteVolume: quoteVolumes[i] ?? 0,
    trades: trades[i] ?? 0,
    takerVolume: takerVolumes[i] ?? 0,
    takerQuoteVolume: takerQuoteVolumes[i] ?? 0,
  }));
}
