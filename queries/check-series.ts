import type { Reader } from '../engine/for-commands.ts';
import { closest, PipelineError } from '../engine/index.ts';
import { count, countDistinct, countWhere, max, min, shift } from '../engine/vocabulary/index.ts';
import { timeframes } from '../exchange/timeframes.ts';
import type { Database } from '../models/schema.ts';
import { noteOutside, type Span } from './parameters/range.ts';
import { loadCommand, type Series, series } from './series.ts';

/**
 * Checks that a series has bars, and returns notes about a range beyond them.
 * @throws PipelineError USAGE for a series without bars, with a hint: other timeframes of the symbol, other markets, or
 * the nearest name; TABLE_MISSING if there are no bars at all
 */
export async function checkSeries(reader: Reader<Database>, wanted: Series): Promise<readonly string[]> {
  const { db } = reader;
  const { symbol, instrumentType, timeframe } = wanted;
  if (instrumentType !== 'spot' && timeframe === '1s') {
    throw new PipelineError('USAGE', 'there are no 1s bars of futures', {
      key: 'timeframe',
      hint: '1s exists only for spot',
    });
  }
  const whole = { ...wanted, start: undefined, end: undefined };
  const [first] = await reader.rows(series(db, wanted).limit(1).select('timestamp'));
  if (first !== undefined) return await outsideOf(reader, wanted);
  const covered = await recordOf(reader, whole);
  if (covered !== undefined) return noteOutside(wanted, covered);

  const known = await reader.rows(db.selectFrom('ohlcv').distinct().select(['instrument_type', 'symbol', 'timeframe']));
  if (known.length === 0) {
    throw new PipelineError('TABLE_MISSING', 'ohlcv is empty', { hint: 'build it: pnpm pipeline run --select +ohlcv' });
  }
  const ofSymbol = known.filter((other) => other.symbol === symbol);
  const ofMarket = ofSymbol.filter((other) => other.instrument_type === instrumentType);
  const list = (names: readonly string[]) => [...new Set(names)].sort().join(', ');
  const load = await howToLoad(reader, wanted);
  const near = closest(
    symbol,
    known.map((other) => other.symbol),
  );
  throw new PipelineError('USAGE', `there are no ${timeframe} bars of ${symbol}, ${instrumentType}`, {
    key: ofMarket.length > 0 ? 'timeframe' : ofSymbol.length > 0 ? 'instrument-type' : 'symbol',
    hint:
      ofMarket.length > 0
        ? `available: ${list(ofMarket.map((other) => other.timeframe))}; ${load.text}`
        : ofSymbol.length > 0
          ? `it exists as ${list(ofSymbol.map((other) => `${other.instrument_type} ${other.timeframe}`))}; choose the market with --instrument-type, or ${load.text}`
          : load.isListed
            ? load.text
            : (near ?? load.text),
  });
}

/** Returns the span from the first bar of a series to the end of its last one; undefined without bars. */
async function recordOf(reader: Reader<Database>, wanted: Series): Promise<Span | undefined> {
  const [found] = await reader.rows(
    series(reader.db, { ...wanted, start: undefined, end: undefined }).select(({ ref }) => [
      min(ref('timestamp')).as('first'),
      max(ref('timestamp')).as('last'),
      shift(max(ref('close_time')), { milliseconds: 1 }).as('closed'),
    ]),
  );
  if (found?.first == null || found.last === null) return undefined;
  const length = timeframes[wanted.timeframe];
  const end = length === undefined ? (found.closed ?? found.last) : new Date(found.last.getTime() + length);
  return { first: found.first, end };
}

/** Returns notes about the parts of a range that a series does not have; empty if it has no bars at all. */
export async function outsideOf(reader: Reader<Database>, wanted: Series): Promise<readonly string[]> {
  if (wanted.start === undefined && wanted.end === undefined) return [];
  const covered = await recordOf(reader, wanted);
  return covered === undefined ? [] : noteOutside(wanted, covered);
}

/** A listing with this many symbols was not restricted by `--symbols`, so a missing name is not in the archive. */
const wholeMarket = 30;

export interface LoadHint {
  /** True if the archive lists the symbol, so its name is not a typo. */
  readonly isListed: boolean;
  readonly text: string;
}

/** Returns what to do about a series without bars; it suggests `--fetch` only if the archive may have some of it. */
export async function howToLoad({ db, rows }: Reader<Database>, wanted: Series): Promise<LoadHint> {
  const { instrumentType, symbol, timeframe, start, end } = wanted;
  const load = `add --fetch, or load it: ${loadCommand(wanted)}`;
  const [market] = await rows(
    db
      .selectFrom('archive_objects')
      .where('instrument_type', '=', instrumentType)
      .select(({ eb, ref }) => [
        countDistinct(ref('symbol')).as('symbols'),
        countWhere(eb('symbol', '=', symbol)).as('own'),
      ]),
  );
  if (market === undefined || market.own === 0n) {
    if ((market?.symbols ?? 0n) < wholeMarket) return { isListed: false, text: load };
    const text = `the archive does not list ${symbol} for ${instrumentType}; list its symbols: pnpm pipeline show symbols`;
    return { isListed: false, text };
  }
  const [listed] = await rows(
    db
      .selectFrom('archive_objects as object')
      .leftJoin('staged_archives as staged', 'staged.key', 'object.key')
      .where('object.instrument_type', '=', instrumentType)
      .where('object.symbol', '=', symbol)
      .where('object.timeframe', '=', timeframe)
      .$if(start !== undefined, (objects) => objects.where('object.period_end', '>', start as Date))
      .$if(end !== undefined, (objects) => objects.where('object.period_start', '<', end as Date))
      .select(({ eb }) => [count().as('archives'), countWhere(eb('staged.key', 'is', null)).as('unasked')]),
  );
  if (listed === undefined || listed.archives === 0n || listed.unasked > 0n) return { isListed: true, text: load };
  const text = `everything that the archive lists for it was requested; see why it was not loaded: pnpm pipeline query rejected --instrument-type ${instrumentType}`;
  return { isListed: true, text };
}
