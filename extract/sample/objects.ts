import { hash } from 'node:crypto';
import { once } from '../../engine/index.ts';
import { type ArchiveKey, archiveName, formatKey } from '../../exchange/keys.ts';
import { msOfDay } from '../../exchange/timeframes.ts';
import { archivesOf } from './archives.ts';
import type { Bar } from './bar.ts';
import { createBars } from './bars.ts';
import { dayOf, msOfSecond } from './calendar.ts';
import { disagreement, fullMinutes, headerlessSymbol, headersSince, noise, reissue, textFormats } from './cases.ts';
import { csvOf } from './csv.ts';
import { allMinutes, sparseMinutes } from './minutes.ts';
import { isFirstEdition, publicationOf } from './publication.ts';
import { createRandom } from './random.ts';
import { contracts } from './universe.ts';
import { zipOf } from './zip.ts';

/** One object of the sample. Its bytes are made whenever they are asked for, and only what a listing says is kept. */
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

/** A1, A6. Archives of spot have no header. */
function formatOf({ instrument_type, symbol, timeframe, period }: ArchiveKey) {
  const special = textFormats.find((form) => form.symbol === symbol && form.period === period && timeframe === '1d');
  const hasHeader = instrument_type !== 'spot' && symbol !== headerlessSymbol && period >= headersSince;
  return { header: hasHeader, ...special?.format };
}

/** A12: whether the monthly archive of spot says something else of a day. */
const isDisagreed = ({ instrument_type, symbol, period }: ArchiveKey, day: number): boolean =>
  instrument_type === 'spot' &&
  symbol === disagreement.symbol &&
  period === disagreement.month &&
  day === dayOf(disagreement.date);

/** What the day's archive said before it was corrected (A18), or a monthly one still says (A12). */
const uncorrected = (bar: Bar): Bar => ({
  ...bar,
  volume: Math.round(bar.volume * 0.97),
  quoteVolume: Math.round(bar.quoteVolume * 0.97),
});

const hasAllMinutes = ({ symbol, period }: ArchiveKey): boolean =>
  fullMinutes.symbols.includes(symbol) && fullMinutes.from <= period && period < fullMinutes.to;

/** Every object that is published at `asOf` (ms), in no order. */
export function createObjects(seed: string, asOf: number): readonly SampleObject[] {
  // The day of `asOf` itself is not over.
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
          return isFirst || isDisagreed(key, day) ? uncorrected(bar) : bar;
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
