import type { Kysely } from 'kysely';
import { builtPartitions } from '../engine/index.ts';
import type { Timeframe } from '../exchange/timeframes.ts';
import type { InstrumentType } from '../exchange/vocabulary.ts';
import type { Database } from '../models/schema.ts';

export interface Series {
  readonly instrumentType: InstrumentType;
  readonly symbol: string;
  readonly timeframe: Timeframe;
  readonly start: Date | undefined;
  /** Exclusive (B9). */
  readonly end: Date | undefined;
}

/** Selects the bars of one series in a half-open range of open times. */
export const series = (db: Pick<Kysely<Database>, 'selectFrom'>, wanted: Series) =>
  db
    .selectFrom('ohlcv')
    .where('instrument_type', '=', wanted.instrumentType)
    .where('symbol', '=', wanted.symbol)
    .where('timeframe', '=', wanted.timeframe)
    .$if(wanted.start !== undefined, (bars) => bars.where('timestamp', '>=', wanted.start as Date))
    .$if(wanted.end !== undefined, (bars) => bars.where('timestamp', '<', wanted.end as Date));

/** Selects the series whose gaps were built, including those without gaps. */
export const searchedSeries = (db: { readonly selectFrom: unknown }) =>
  builtPartitions(db, 'gaps', { instrument_type: 'VARCHAR', symbol: 'VARCHAR', timeframe: 'VARCHAR' });

/** Returns the units of prices and volumes, which differ for coin-margined contracts (A4). */
export function ohlcvUnits(instrumentType: InstrumentType) {
  const price = 'quote asset';
  const volume = instrumentType === 'futures-cm' ? 'contracts' : 'base asset';
  const turnover = instrumentType === 'futures-cm' ? 'base asset' : 'quote asset';
  return {
    open: price,
    high: price,
    low: price,
    close: price,
    volume,
    taker_buy_base_asset_volume: volume,
    quote_asset_volume: turnover,
    taker_buy_quote_asset_volume: turnover,
  };
}

/** Returns the command line that loads a series. */
export const loadCommand = ({ instrumentType, symbol, timeframe }: Series): string =>
  `pnpm pipeline run --select +ohlcv --instrument-type ${instrumentType} --symbols ${symbol} --timeframes ${timeframe}`;
