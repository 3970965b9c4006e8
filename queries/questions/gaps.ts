import type { Reader } from '../../engine/for-commands.ts';
import { closest, countOf, PipelineError } from '../../engine/index.ts';
import { max, min, shift, truncate } from '../../engine/vocabulary/index.ts';
import type { Database } from '../../models/schema.ts';
import { anyInstrumentType, anyTimeframe } from '../parameters/parameter.ts';
import { instantOptions, noteOutside } from '../parameters/range.ts';
import { symbolOption } from '../parameters/symbol.ts';
import { defineQuestion } from '../question.ts';
import { searchedSeries } from '../series.ts';

interface Asked {
  readonly instrumentType: string;
  readonly symbol: string | undefined;
  readonly timeframe: string | undefined;
  readonly start: Date | undefined;
  readonly end: Date | undefined;
}

/** Describes the parts of a range before the first and after the last day with a bar of the requested series. */
async function outsideOfBars({ db, rows }: Reader<Database>, asked: Asked): Promise<readonly string[]> {
  const { instrumentType, symbol, timeframe, start, end } = asked;
  if (start === undefined && end === undefined) return [];
  const [bars] = await rows(
    db
      .selectFrom('ohlcv')
      .$if(instrumentType !== 'all', (bars) => bars.where('instrument_type', '=', instrumentType))
      .$if(symbol !== undefined, (bars) => bars.where('symbol', '=', symbol as string))
      .$if(timeframe !== undefined, (bars) => bars.where('timeframe', '=', timeframe as string))
      .select(({ ref }) => [
        truncate('day', min(ref('timestamp'))).as('first'),
        shift(truncate('day', max(ref('timestamp'))), { days: 1 }).as('end'),
      ]),
  );
  return bars?.first == null || bars.end === null ? [] : noteOutside(asked, { first: bars.first, end: bars.end });
}

/** Missing ranges with cause and evidence; of a range of times those that touch it, whole. docs/gaps.md has the causes. */
export const gaps = defineQuestion({
  name: 'gaps',
  description: 'Bars that are missing, and why.',
  parameters: {
    symbol: symbolOption,
    timeframe: anyTimeframe,
    ...instantOptions,
    instrumentType: anyInstrumentType,
  },
  query: (db, { instrumentType, symbol, timeframe, start, end }) =>
    db
      .selectFrom('gaps')
      .$if(instrumentType !== 'all', (gaps) => gaps.where('instrument_type', '=', instrumentType))
      .$if(symbol !== undefined, (gaps) => gaps.where('symbol', '=', symbol as string))
      .$if(timeframe !== undefined, (gaps) => gaps.where('timeframe', '=', timeframe as string))
      .$if(start !== undefined, (gaps) => gaps.where('gap_end', '>', start as Date))
      .$if(end !== undefined, (gaps) => gaps.where('gap_start', '<', end as Date))
      .orderBy('instrument_type')
      .orderBy('symbol')
      .orderBy('timeframe')
      .orderBy('gap_start')
      .selectAll(),
  market: ({ instrumentType }) => (instrumentType === 'all' ? 'all markets' : instrumentType),
  async check(reader, values) {
    const { db, rows } = reader;
    const { instrumentType, symbol, timeframe } = values;
    const all = await rows(searchedSeries(db));
    if (all.length === 0) {
      throw new PipelineError('TABLE_MISSING', 'gaps have not been looked for', {
        hint: 'build them: pnpm pipeline run --select +gaps',
      });
    }
    const asked = all.filter(
      (one) =>
        (symbol === undefined || one.symbol === symbol) && (timeframe === undefined || one.timeframe === timeframe),
    );
    const ofMarket = asked.filter((one) => instrumentType === 'all' || one.instrument_type === instrumentType);
    const others = [...new Set(asked.map((one) => one.instrument_type))]
      .filter((name) => name !== instrumentType)
      .sort();
    if (ofMarket.length === 0) {
      const known = [...new Set(all.map((one) => one.symbol))];
      throw new PipelineError('USAGE', 'there is no such series', {
        key: others.length > 0 ? 'instrument-type' : 'symbol',
        ...(symbol !== undefined && { value: symbol }),
        hint:
          others.length > 0
            ? `it is there as ${others.join(', ')}: name the market with --instrument-type`
            : ((symbol !== undefined && !known.includes(symbol) ? closest(symbol, known) : undefined) ??
              'see what was loaded: pnpm pipeline show symbols'),
      });
    }
    const elsewhere = instrumentType === 'all' || others.length === 0 ? [] : [`not asked about: ${others.join(', ')}`];
    const outside = await outsideOfBars(reader, values);
    return [...outside, `${countOf(ofMarket.length, 'series was', 'series were')} looked through`, ...elsewhere];
  },
  units: () => ({ missing_bars: 'bars' }),
  examples: ['gaps', 'gaps --symbol BTCUSDT --timeframe 1h --instrument-type spot', 'gaps --instrument-type all'],
});
