import type { Reader } from '../../engine/for-commands.ts';
import { closest, PipelineError } from '../../engine/index.ts';
import { type Timeframe, timeframes } from '../../exchange/timeframes.ts';
import type { Database } from '../../models/schema.ts';
import type { SeriesName } from './certificate.ts';

/** Lists as typed: `BTCUSDT,eth/usdt`. */
export interface SeriesFilter {
  readonly symbols?: string;
  readonly instrumentType?: string;
  readonly timeframes?: string;
}

const order = Object.keys(timeframes) as Timeframe[];

/**
 * Returns the series that match a filter, among those with a bar or a gap (if every archive of a series was rejected,
 * it has no bars), ordered by market, symbol and length of bars.
 * @throws PipelineError USAGE for a name that none of them has, TABLE_MISSING if there are no bars
 */
export async function selectSeries(reader: Reader<Database>, filter: SeriesFilter): Promise<readonly SeriesName[]> {
  const known = (await reader.rows(
    reader.db
      .selectFrom('ohlcv')
      .select(['instrument_type', 'symbol', 'timeframe'])
      .union(({ selectFrom }) => selectFrom('gaps').select(['instrument_type', 'symbol', 'timeframe'])),
  )) as readonly SeriesName[];
  if (known.length === 0) {
    throw new PipelineError('TABLE_MISSING', 'ohlcv is empty', { hint: 'build it: pnpm pipeline run --select +gaps' });
  }
  const symbols = wanted('--symbols', filter.symbols?.replaceAll('/', '').toUpperCase(), known, 'symbol');
  const markets = wanted(
    '--instrument-type',
    filter.instrumentType?.replace(/\bfutures\b(?!-)/g, 'futures-um'),
    known,
    'instrument_type',
  );
  const lengths = wanted('--timeframes', filter.timeframes?.replace(/\b1M\b/g, '1mo'), known, 'timeframe');
  const taken = known.filter(
    (name) => symbols(name.symbol) && markets(name.instrument_type) && lengths(name.timeframe),
  );
  if (taken.length === 0) throw new PipelineError('USAGE', 'no series matches all of these filters', {});
  return taken.toSorted(
    (a, b) =>
      compare(a.instrument_type, b.instrument_type) ||
      compare(a.symbol, b.symbol) ||
      order.indexOf(a.timeframe) - order.indexOf(b.timeframe),
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function wanted(
  key: string,
  list: string | undefined,
  known: readonly SeriesName[],
  column: keyof SeriesName,
): (value: string) => boolean {
  if (list === undefined) return () => true;
  const names = list.split(/[\s,]+/).filter((name) => name !== '');
  const there = new Set<string>(known.map((name) => name[column]));
  for (const name of names) {
    if (there.has(name)) continue;
    throw new PipelineError('USAGE', `the warehouse has no bars of ${name}`, {
      key,
      value: name,
      hint: closest(name, [...there]) ?? 'list the symbols: pnpm pipeline show symbols',
    });
  }
  return (value) => names.includes(value);
}
