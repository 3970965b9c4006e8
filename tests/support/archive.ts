import { createHash } from 'node:crypto';
import { mkdir, rm, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { msOfDay, msOfHour } from '../../exchange/timeframes.ts';
import { zipOf } from './zip.ts';

export const header =
  'open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore';

/** `count` UTC days as `2025-06-17`, from `first` on. */
export const daysFrom = (first: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => new Date(Date.parse(first) + i * msOfDay).toISOString().slice(0, 10));

/** A number in [0, 1) that depends only on the text. */
const drawn = (text: string): number => createHash('sha256').update(text).digest().readUInt32LE() / 2 ** 32;

/** A plausible 1d bar. BTCUSDT trades most; the order of the others changes daily. `edition` gives other figures. */
export function dailyBar(symbol: string, day: string, edition = 0): string {
  const openTime = Date.parse(day);
  const at = (what: string) => drawn(`${symbol} ${day} ${what} ${edition}`);
  const price = 1 + 99 * drawn(symbol);
  const [open, close] = [price * (0.95 + 0.1 * at('open')), price * (0.95 + 0.1 * at('close'))];
  const volume = (symbol === 'BTCUSDT' ? 1e7 : 1e5) * (1 + at('volume')) * (1 + 4 * drawn(symbol));
  const share = 0.3 + 0.4 * at('taker');
  const fixed = (value: number) => value.toFixed(5);
  const high = Math.max(open, close) * 1.01;
  const low = Math.min(open, close) * 0.99;
  const turnover = volume * price;
  return [
    openTime,
    ...[open, high, low, close, volume].map(fixed),
    openTime + msOfDay - 1,
    fixed(turnover),
    1000 + Math.floor(1e5 * at('trades')),
    ...[volume * share, turnover * share].map(fixed),
    0,
  ].join(',');
}

export interface PutOptions {
  /** Rows without a header; by default the bars of the file's days. */
  readonly rows?: readonly string[];
  readonly header?: boolean;
  readonly edition?: number;
  /** By default 08:35 on the day after. */
  readonly published?: Date;
}

export interface ArchiveDirectory {
  readonly directory: string;
  /** Adds or replaces a daily USD-M archive with its CHECKSUM and returns its key. */
  putDay(symbol: string, day: string, options?: PutOptions): Promise<string>;
  /** The same for a monthly archive with these days, which also name the month. */
  putMonth(symbol: string, days: readonly string[], options?: PutOptions): Promise<string>;
  /** Adds any bytes under a key, with a matching CHECKSUM. */
  put(key: string, bytes: Uint8Array, published: Date): Promise<void>;
  remove(key: string): Promise<void>;
}

/** Writes files in the archive's layout, 1d of USD-M futures. */
export function archiveDirectory(directory: string): ArchiveDirectory {
  const keyOf = (cadence: string, symbol: string, period: string) =>
    `data/futures/um/${cadence}/klines/${symbol}/1d/${symbol}-1d-${period}.zip`;

  async function write(path: string, bytes: string | Uint8Array, time: Date): Promise<void> {
    const file = join(directory, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, bytes);
    await utimes(file, time, time);
  }
  async function put(key: string, bytes: Uint8Array, published: Date): Promise<void> {
    const name = key.slice(key.lastIndexOf('/') + 1);
    await write(key, bytes, published);
    await write(`${key}.CHECKSUM`, `${createHash('sha256').update(bytes).digest('hex')}  ${name}`, published);
  }
  async function putBars(key: string, rows: readonly string[], options: PutOptions, end: number): Promise<string> {
    const lines = options.header === false ? rows : [header, ...rows];
    const name = key.slice(key.lastIndexOf('/') + 1).replace(/zip$/, 'csv');
    await put(
      key,
      zipOf(name, `${lines.join('\n')}\n`),
      options.published ?? new Date(end + 8 * msOfHour + 35 * 60_000),
    );
    return key;
  }
  const barsOf = (symbol: string, days: readonly string[], options: PutOptions) =>
    options.rows ?? days.map((day) => dailyBar(symbol, day, options.edition));

  return {
    directory,
    put,
    putDay: (symbol, day, options = {}) =>
      putBars(keyOf('daily', symbol, day), barsOf(symbol, [day], options), options, Date.parse(day) + msOfDay),
    putMonth(symbol, days, options = {}) {
      const month = (days[0] ?? '').slice(0, 7);
      const [year = 0, number = 0] = month.split('-').map(Number);
      return putBars(
        keyOf('monthly', symbol, month),
        barsOf(symbol, days, options),
        options,
        Date.UTC(year, number, 5),
      );
    },
    async remove(key) {
      for (const path of [key, `${key}.CHECKSUM`]) await rm(join(directory, path));
    },
  };
}

/**
 * The contents of the small archive of the end-to-end tests: monthly files of a closed month, daily files of every day.
 */
export const smallArchive = {
  symbols: ['BTCUSDT', 'ETHUSDT', 'SOLUSDT', '1000PEPEUSDT', '币安人生USDT', 'XRPUSDT', 'ETHUSDC', 'BTCUSDT_250926'],
  days: daysFrom('2025-05-20', 50),
  /** The morning after the last day. */
  asOf: '2025-07-09T12:00:00Z',
} as const;

/** Writes the small archive, or only these symbols and days of it. */
export async function writeSmallArchive(
  directory: string,
  {
    symbols = smallArchive.symbols,
    days = smallArchive.days,
  }: { symbols?: readonly string[]; days?: readonly string[] } = {},
): Promise<ArchiveDirectory> {
  const archive = archiveDirectory(directory);
  const months = Map.groupBy(
    days.filter((day) => day < '2025-07-01'),
    (day) => day.slice(0, 7),
  );
  for (const symbol of symbols) {
    for (const day of days) await archive.putDay(symbol, day, { header: day > '2025-06-05' });
    for (const month of months.values()) await archive.putMonth(symbol, month);
  }
  return archive;
}
