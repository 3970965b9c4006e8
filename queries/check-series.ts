import { closest, PipelineError, type Reader } from '../engine/index.ts';
import type { Database } from '../models/schema.ts';
import { loadCommand, type Series, series } from './series.ts';

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
  if (first !== undefined) return [];
  const [bar] = await reader.rows(series(db, whole).limit(1).select('timestamp'));
  if (bar !== undefined) return ['the series has no bar in this range'];

  const known = await reader.rows(db.selectFrom('ohlcv').distinct().select(['instrument_type', 'symbol', 'timeframe']));
  if (known.length === 0) {
    throw new PipelineError('TABLE_MISSING', 'ohlcv is empty', { hint: 'build it: pnpm pipeline run --select +ohlcv' });
  }
  const ofSymbol = known.filter((other) => other.symbol === symbol);
  const ofMarket = ofSymbol.filter((other) => other.instrument_type === instrumentType);
  const list = (names: readonly string[]) => [...new Set(names)].sort().join(', ');
  const load = `add --fetch, or load it: ${loadCommand(wanted)}`;
  throw new PipelineError('USAGE', `there are no ${timeframe} bars of ${symbol}, ${instrumentType}`, {
    key: ofMarket.length > 0 ? 'timeframe' : ofSymbol.length > 0 ? 'instrument-type' : 'symbol',
    hint:
      ofMarket.length > 0
        ? `there are: ${list(ofMarket.map((other) => other.timeframe))}; ${load}`
        : ofSymbol.length > 0
          ? `it is there as ${list(ofSymbol.map((other) => `${other.instrument_type} ${other.timeframe}`))}; name the market with --instrument-type, or ${load}`
          : (closest(
              symbol,
              known.map((other) => other.symbol),
            ) ?? 'see what was loaded: pnpm pipeline show symbols'),
  });
}
