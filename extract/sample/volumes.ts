import { firstDay, type PriceDay } from './prices.ts';
import { createRandom, exp } from './random.ts';
import { type Contract, streamOf } from './universe.ts';

/** Log activity of the whole market by day: slow moods, quiet weekends, busy when prices move. */
export function marketActivity(seed: string, market: readonly number[]): readonly number[] {
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
export function quoteVolumes(seed: string, contract: Contract, market: readonly number[]): readonly number[] {
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
export const listingRush = (age: number): number => 1 + 4.5 * exp(-age / 5);

/** How much more is traded when a price moves further than usual. */
export const liveliness = ({ surprise }: PriceDay): number => exp(0.2 * Math.max(0, Math.abs(surprise) - 0.8));
