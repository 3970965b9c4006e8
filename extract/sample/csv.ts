import type { Bar } from './bar.ts';
import type { TextFormat } from './cases.ts';
import { decimalText } from './decimals.ts';
import type { Contract } from './universe.ts';

const header =
  'open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore';

function rowOf(bar: Bar, { priceDecimals, quantityDecimals }: Contract): string {
  const price = (units: number): string => decimalText(units, priceDecimals);
  const quantity = (units: number): string => decimalText(units, quantityDecimals);
  const amount = (units: number): string => decimalText(units, priceDecimals + quantityDecimals);
  return `${bar.openTime},${price(bar.open)},${price(bar.high)},${price(bar.low)},${price(bar.close)},${quantity(bar.volume)},${bar.closeTime},${amount(bar.quoteVolume)},${bar.trades},${quantity(bar.takerVolume)},${amount(bar.takerQuoteVolume)},0`;
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
