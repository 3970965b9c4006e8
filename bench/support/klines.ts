import { type ArchiveKey, periodOf } from '../../exchange/keys.ts';
import { msOfDay } from '../../exchange/timeframes.ts';
import { type Bar, pricesOf, tradedBar } from '../../extract/sample/bars.ts';
import { allMinutes } from '../../extract/sample/minutes.ts';
import { createRandom, exp, unitsPerOne } from '../../extract/sample/numbers.ts';
import { csvOf } from '../../extract/sample/sample-store.ts';
import type { Contract } from '../../extract/sample/universe.ts';

/** With these decimals the zip of a day of minutes has about 70 KB, as in the archive. */
const ordinary = { priceDecimals: 6, quantityDecimals: 4, volume: 300e6 };
/** A data test requires it near the top of every day. */
const largest = { ...ordinary, quantityDecimals: 0, volume: 100e9 };

const contractOf = (symbol: string): Contract => ({
  ...{ symbol, kind: 'perpetual', quote: 'USDT', tick: 1, spells: [] },
  ...(symbol === 'BTCUSDT' ? largest : ordinary),
});

function dayBar(contract: Contract, dayNumber: number): Bar {
  const random = createRandom('bench', contract.symbol, dayNumber);
  const open = 2 + 90 * random.uniform();
  const close = open * exp(0.03 * random.normal());
  const reach = () => 0.02 * random.uniform();
  const prices = pricesOf(contract, { open, close, above: reach(), below: reach(), surprise: 0 });
  const quoteDecimals = contract.priceDecimals + contract.quantityDecimals;
  const quoteVolume = Math.round(contract.volume * exp(random.normal()) * unitsPerOne(quoteDecimals));
  return tradedBar(dayNumber, prices, quoteVolume, quoteDecimals, random);
}

/** The CSV of a 1d or 1m archive, with a header; the same key gives the same bytes. */
export function klinesCsv(key: ArchiveKey): Buffer {
  const period = periodOf(key);
  if (period === undefined) throw new Error(`${key.period} is not a period`);
  const contract = contractOf(key.symbol);
  const bars: Bar[] = [];
  for (let at = period.start; at < period.end; at += msOfDay) {
    const bar = dayBar(contract, at / msOfDay);
    if (key.timeframe === '1d') bars.push(bar);
    else bars.push(...allMinutes(bar, contract.tick, createRandom('bench minutes', key.symbol, at)));
  }
  return csvOf(contract, bars, { header: true });
}
