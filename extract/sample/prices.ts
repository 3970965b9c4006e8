import { archiveStart } from './cases.ts';
import { createRandom, dayOf, exp, type Random } from './numbers.ts';
import { assets } from './universe.ts';

export const firstDay = dayOf(archiveStart);

/** One asset's day in USDT. */
export interface PriceDay {
  readonly open: number;
  readonly close: number;
  /** How far the day went beyond open and close, as shares of them. */
  readonly above: number;
  readonly below: number;
  /** Its own return in standard deviations: what moves a price moves volume too. */
  readonly surprise: number;
}

export interface Prices {
  /** The whole market's log return of each day since the archive's start. */
  readonly market: readonly number[];
  /** The asset's days since the archive's start. */
  of(asset: string): readonly PriceDay[];
}

/** One day in twenty is far from ordinary. */
const heavyTailed = (random: Random): number => random.normal() * (random.uniform() < 0.05 ? 2.4 : 0.9);

/** Geometric random walks that share a market factor. A longer horizon never changes an earlier day. */
export function createPrices(seed: string, days: number): Prices {
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
