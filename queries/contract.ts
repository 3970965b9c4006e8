import { deliveryHour } from '../exchange/vocabulary.ts';

/** A futures contract and what it is compared with. */
export interface Contract {
  /** As the archive spells it. */
  readonly symbol: string;
  /** The same assets on the spot market. */
  readonly spot: string;
  /** When a contract with a date is settled; 08:00 UTC. */
  readonly delivery: Date | undefined;
}

/**
 * The contract that a symbol names: `BTCUSDT` and `BTCUSDT_260327` of futures-um are compared with spot BTCUSDT. A
 * coin-margined one is quoted in US dollars, for which spot has USDT: `BTCUSD_PERP` and `BTCUSD_260327` are compared
 * with BTCUSDT too. There, a symbol without a date is the perpetual: BTCUSDT and BTCUSD mean BTCUSD_PERP.
 */
export function contractOf(name: string, instrumentType: 'futures-um' | 'futures-cm'): Contract {
  const [, pair = name, suffix] = /^(.+)_(PERP|\d{6})$/.exec(name) ?? [];
  const delivery = suffix === undefined || suffix === 'PERP' ? undefined : deliveryOf(suffix);
  if (instrumentType === 'futures-um') return { symbol: name, spot: pair, delivery };
  const inDollars = pair.replace(/USDT$/, 'USD');
  return { symbol: `${inDollars}_${suffix ?? 'PERP'}`, spot: inDollars.replace(/USD$/, 'USDT'), delivery };
}

/** Of `260327`. */
function deliveryOf(day: string): Date {
  const [year, month, date] = [day.slice(0, 2), day.slice(2, 4), day.slice(4)].map(Number) as [number, number, number];
  return new Date(Date.UTC(2000 + year, month - 1, date, deliveryHour));
}
