import { sql } from 'kysely';
import type { Reader } from '../engine/for-commands.ts';
import { cast, closest, PipelineError } from '../engine/index.ts';
import { timeframes } from '../exchange/timeframes.ts';
import type { Database } from '../models/schema.ts';
import { howToLoad } from './how-to-load.ts';
import { noteOutside, type Span } from './parameters/range.ts';
import { type Series, series } from './series.ts';

/**
 * @throws PipelineError USAGE for a series that is not there, saying what is: other timeframes of the symbol, other
 * markets, or the nearest name; TABLE_MISSING where there are no bars at all
 */
export async function checkSeries(reader: Reader<Database>, wanted: Series): Promise<readonly string[]> {
  const { db } = reader;
  const { symbol, instrumentType, timeframe } = wanted;
  if (instrumentType !== 'spot' && timeframe === '1s') {
    throw new PipelineError('USAGE', 'there are no 1s bars of futures', {
      key: 'timeframe',
      hint: '1s is of spot only',
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
        ? `there are: ${list(ofMarket.map((other) => other.timeframe))}; ${load.text}`
        : ofSymbol.length > 0
          ? `it is there as ${list(ofSymbol.map((other) => `${other.instrument_type} ${other.timeframe}`))}; name the market with --instrument-type, or ${load.text}`
          : load.isListed
            ? load.text
            : (near ?? load.text),
  });
}

/** From the first bar of a series to the end of its last one; undefined without bars. */
async function recordOf(reader: Reader<Database>, wanted: Series): Promise<Span | undefined> {
  const [found] = await reader.rows(
    series(reader.db, { ...wanted, start: undefined, end: undefined }).select(({ ref }) => [
      cast.nullable('TIMESTAMP', sql`min(${ref('timestamp')})`).as('first'),
      cast.nullable('TIMESTAMP', sql`max(${ref('timestamp')})`).as('last'),
      cast.nullable('TIMESTAMP', sql`max(${ref('close_time')}) + interval 1 millisecond`).as('closed'),
    ]),
  );
  if (found?.first == null || found.last === null) return undefined;
  const length = timeframes[wanted.timeframe];
  const end = length === undefined ? (found.closed ?? found.last) : new Date(found.last.getTime() + length);
  return { first: found.first, end };
}

/** What a range asks for that a series does not have, where it has some of it. */
export async function outsideOf(reader: Reader<Database>, wanted: Series): Promise<readonly string[]> {
  if (wanted.start === undefined && wanted.end === undefined) return [];
  const covered = await recordOf(reader, wanted);
  return covered === undefined ? [] : noteOutside(wanted, covered);
}
