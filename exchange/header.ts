import { type Column, columns } from './bar-rules.ts';

/** The first line of an archive that has a header. */
export const header = columns.join(',');

/** Other names of the columns: those of the publisher's own description (binance-public-data, README). */
const aliases: Readonly<Record<string, Column>> = {
  'Open time': 'open_time',
  Open: 'open',
  High: 'high',
  Low: 'low',
  Close: 'close',
  Volume: 'volume',
  'Close time': 'close_time',
  'Quote asset volume': 'quote_volume',
  'Number of trades': 'count',
  'Taker buy base asset volume': 'taker_buy_volume',
  'Taker buy quote asset volume': 'taker_buy_quote_volume',
  Ignore: 'ignore',
};

/** The column that a header means by a name. */
export const columnNamed = (name: string): Column | undefined =>
  columns.find((column) => column === name) ?? (Object.hasOwn(aliases, name) ? aliases[name] : undefined);
