import { hash } from 'node:crypto';
import { once } from '../../engine/index.ts';
import { type ArchiveKey, archiveName, formatKey } from '../../exchange/keys.ts';
import { msOfDay, msOfHour } from '../../exchange/timeframes.ts';
import { compareKeys, type ListedObject, type ObjectStore, pageOf } from '../archive/store.ts';
import { archivesOf, isFirstEdition, publicationOf } from './archives.ts';
import { type Bar, createBars } from './bars.ts';
import {
  disagreement,
  fullMinutes,
  headerlessSymbol,
  headersSince,
  noise,
  reissue,
  type TextFormat,
  textFormats,
} from './cases.ts';
import { allMinutes, sparseMinutes } from './minutes.ts';
import { createRandom, dayOf, decimalText, msOfSecond } from './numbers.ts';
import { type Contract, contracts } from './universe.ts';
import { zipOf } from './zip-writer.ts';

export const defaultSeed = 'klinehouse';

export interface SampleOptions {
  /** Another seed gives different prices and volumes for the same symbols and cases. */
  readonly seed?: string | number;
  /** Only objects published by then exist. Their bytes do not depend on it, except for a re-issue (A18). */
  readonly asOf: Date;
}

/**
 * Creates the built-in sample archive of synthetic USD-M and spot klines. They are generated on demand, and the same
 * seed gives the same bytes. cases.ts lists which awkward cases of the real archive it contains, and where.
 */
export function createSampleStore({ seed = defaultSeed, asOf }: SampleOptions): ObjectStore {
  const objects = new Map(createObjects(String(seed), asOf.getTime()).map((object) => [object.key, object]));
  const keys = [...objects.keys()].sort(compareKeys);

  function listed(key: string): ListedObject[] {
    const object = objects.get(key);
    if (!object) return [];
    const { size, etag } = object.summary();
    return [{ key, size, etag, lastModified: object.lastModified }];
  }

  return {
    async list(options) {
      const { keys: onPage, ...page } = pageOf(keys, options);
      return { contents: onPage.flatMap(listed), ...page };
    },
    async read(key) {
      const object = objects.get(key);
      if (!object) return undefined;
      return { body: object.body(), etag: object.summary().etag, lastModified: object.lastModified };
    },
  };
}

/** One object of the sample. Its bytes are generated on each request; only its size and MD5 are kept. */
export interface SampleObject {
  readonly key: string;
  readonly lastModified: Date;
  body(): Buffer;
  summary(): Summary;
}

interface Summary {
  /** Bytes. */
  readonly size: number;
  /** MD5, hex. */
  readonly etag: string;
}

const summaryOf = (body: Buffer): Summary => ({ size: body.length, etag: hash('md5', body) });

/** Returns the text form of an archive (A1, A6). Archives of spot have no header. */
function formatOf({ instrument_type, symbol, timeframe, period }: ArchiveKey) {
  const special = textFormats.find((form) => form.symbol === symbol && form.period === period && timeframe === '1d');
  const hasHeader = instrument_type !== 'spot' && symbol !== headerlessSymbol && period >= headersSince;
  return { header: hasHeader, ...special?.format };
}

/** True if the monthly archive of spot disagrees with the daily one about a day (A12). */
const isDisagreed = ({ instrument_type, symbol, period }: ArchiveKey, day: number): boolean =>
  instrument_type === 'spot' &&
  symbol === disagreement.symbol &&
  period === disagreement.month &&
  day === dayOf(disagreement.date);

/** Returns a day's bar as it was before the correction (A18). */
const uncorrected = (bar: Bar): Bar => ({
  ...bar,
  volume: Math.round(bar.volume * 0.97),
  quoteVolume: Math.round(bar.quoteVolume * 0.97),
});

const hasAllMinutes = ({ symbol, period }: ArchiveKey): boolean =>
  fullMinutes.symbols.includes(symbol) && fullMinutes.from <= period && period < fullMinutes.to;

/** Creates every object that is published at `asOf` (ms), in no particular order. */
function createObjects(seed: string, asOf: number): readonly SampleObject[] {
  // The day of `asOf` itself has not ended.
  const endDay = Math.floor(asOf / msOfDay);
  const barOf = createBars(seed, endDay);
  const objects: SampleObject[] = [];

  function publish(key: string, published: number, body: () => Buffer, summary = once(() => summaryOf(body()))): void {
    if (published <= asOf) objects.push({ key, lastModified: new Date(published), body, summary });
  }

  for (const contract of contracts) {
    const { symbol, tick } = contract;
    const barsOf = (key: ArchiveKey, days: readonly number[]): readonly Bar[] =>
      days.flatMap((day) => {
        const bar = barOf(contract, day);
        if (key.timeframe === '1d') {
          const isFirst = isFirstEdition(key, asOf) && day === dayOf(reissue.date);
          if (isFirst) return uncorrected(bar);
          return isDisagreed(key, day) ? { ...bar, closeTime: bar.closeTime - msOfHour } : bar;
        }
        return (hasAllMinutes(key) ? allMinutes : sparseMinutes)(bar, tick, createRandom(seed, 'minutes', symbol, day));
      });
    for (const { key, days } of archivesOf(contract, endDay)) {
      const path = formatKey(key);
      const name = archiveName(key);
      const published = publicationOf(key, asOf);
      const zip = () => zipOf(`${name}.csv`, csvOf(contract, barsOf(key, days), formatOf(key)));
      const summary = once(() => {
        const body = zip();
        return { ...summaryOf(body), sha256: hash('sha256', body) };
      });
      publish(path, published, zip, summary);
      publish(`${path}.CHECKSUM`, published + msOfSecond, () => Buffer.from(`${summary().sha256}  ${name}.zip`));
    }
  }
  for (const { key, published, body } of noise) publish(key, Date.parse(published), () => Buffer.from(body));
  return objects;
}

const header =
  'open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore';

/** Pads a figure to eight decimals, as in archives of spot (A5). */
const eightDecimals = (text: string): string => {
  const [whole, fraction = ''] = text.split('.');
  return `${whole}.${fraction.padEnd(8, '0')}`;
};

/** Formats a row. Since 2025, times of spot are in microseconds, and a bar closes in its last microsecond (A2). */
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

/** Formats bars as the 12 columns of the archive, in the text form of one file (A1, A6). */
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
