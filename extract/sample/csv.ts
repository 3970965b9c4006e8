import type { Bar } from './bar.ts';
import type { TextFormat } from './cases.ts';
import { decimalText } from './decimals.ts';
import type { Contract } from './universe.ts';

const header =
  'open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore';

/** A5: figures of spot have eight decimals. */
const eightDecimals = (text: string): string => {
  const [whole, fraction = ''] = text.split('.');
  return `${whole}.${fraction.padEnd(8, '0')}`;
};

/** A2: times of spot are in microseconds since 2025, of which a bar ends on the last. */
function rowOf(bar: Bar, { kind, priceDecimals, quantityDecimals }: Contract): string {
  const isSpot = kind === 'spot';
  const figure = (units: number, decimals: number): string => {
    const text = decimalText(units, decimals);
    return isSpot ? eightDecimals(text) : text;
  };
  const price = (units: number): string => figure(units, priceDecimals);
  const quantity = (units: number): string => figure(units, quantityDecimals);
  const amount = (units: number): string => figure(units, priceDecimals + quantityDecimals);
  const [opens, closes] = isSpot ? [`${bar.openTime}000`, `${bar.closeTime}999`] : [bar.openTime, bar.closeTime];
  return `${opens},${price(bar.open)},${price(bar.high)},${price(bar.low)},${price(bar.close)},${quantity(bar.volume)},${closes},${amount(bar.quoteVolume)},${bar.trades},${quantity(bar.takerVolume)},${amount(bar.takerQuoteVolume)},0`;
}

/** The 12 columns of the archive, in the text form of one file (A1, A6). */
export function csvOf(
  contract: Contract,
  bars: readonly Bar[],
  { header: withHeader, byteOrderMark, newline = '\n', ending }: TextFormat & { readonly header: boolean },
): Buffer {
  const rows = bars.map((bar) => rowOf(bar, contract));
  const text = (withHeader ? [header, ...rows] : rows).join(newline);
  const tail = ending === 'open' ? '' : ending === 'blank' ? newline + newline : newline;
  return Buffer.from(`${byteOrderMark ? '\ufeff' : ''}${text}${tail}`);
}
