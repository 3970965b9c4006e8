import { type Bar, flatBar, pricesOf, tradedBar } from './bar.ts';
import { dateOf, dayOf } from './calendar.ts';
import { archiveStart, halt, irregularClose, tiedVolumes } from './cases.ts';
import { unitsPerOne } from './decimals.ts';
import { daysOf, listedDays } from './lifecycle.ts';
import { createPrices, firstDay, type PriceDay } from './prices.ts';
import { createRandom } from './random.ts';
import { type Contract, contracts, type Spell, streamOf } from './universe.ts';
import { listingRush, liveliness, marketActivity, quoteVolumes } from './volumes.ts';

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

/** What a contract quotes its asset at: a delivery contract pays for the time until it expires. */
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
