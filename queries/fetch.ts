import { type CommandIo, type GlobalOptions, openContext, openReader, runSelection } from '../engine/for-commands.ts';
import { formatDay, PipelineError } from '../engine/index.ts';
import { countDistinct, epochMilliseconds, intDivide } from '../engine/vocabulary/index.ts';
import { msOfDay, timeframes } from '../exchange/timeframes.ts';
import type { Database } from '../models/schema.ts';
import { type Series, series } from './series.ts';

export interface FetchOptions extends GlobalOptions {
  /** Fetches large amounts without asking. */
  readonly yes?: boolean;
}

/**
 * Fetches and loads the bars of these series that the archive has and the warehouse lacks. Requests nothing for a range
 * whose bars are all loaded; otherwise lists the series and fetches only the archives that are not staged yet.
 *
 * @throws PipelineError the error of the run, or of its first node that failed
 */
export async function fetchMissing(
  io: CommandIo,
  wanted: readonly Series[],
  { target, dataDir, pipeline, vars, var: pairs = [], logFormat, quiet, debug, yes }: FetchOptions,
): Promise<void> {
  const given = Object.entries({ target, dataDir, pipeline, vars, logFormat, quiet, debug, yes });
  const options = Object.fromEntries(given.filter(([, value]) => value !== undefined));
  const { pipeline: project, paths } = await openContext(io, options);
  for (const one of wanted) {
    if (await isWhole(one, { warehouse: paths.warehouse, root: project.root, signal: io.signal })) continue;
    await runSelection(io, {
      ...options,
      select: ['+ohlcv'],
      var: [...pairs, `instrument_types=${one.instrumentType}`, `symbols=${one.symbol}`, `timeframes=${one.timeframe}`],
      ...(one.start !== undefined && { start: formatDay(one.start) }),
      ...(one.end !== undefined && { end: formatDay(new Date(Math.ceil(one.end.getTime() / msOfDay) * msOfDay)) }),
    });
  }
}

/** True if a warehouse has a bar in every slot of a range; false for an open range and for bars of varying length. */
async function isWhole(
  wanted: Series,
  options: { readonly warehouse: string; readonly root: string; readonly signal: AbortSignal },
): Promise<boolean> {
  const { start, end, timeframe } = wanted;
  const length = timeframes[timeframe];
  if (start === undefined || end === undefined || length === undefined) return false;
  const slot = (time: Date) => Math.ceil(time.getTime() / length);
  const slots = slot(end) - slot(start);
  try {
    await using reader = await openReader<Database>(options);
    const [found] = await reader.rows(
      series(reader.db, { ...wanted, start: new Date(slot(start) * length) }).select(({ ref }) =>
        countDistinct(intDivide(epochMilliseconds(ref('timestamp')), BigInt(length))).as('slots'),
      ),
    );
    return Number(found?.slots) === slots;
  } catch (error) {
    if (error instanceof PipelineError && ['WAREHOUSE_MISSING', 'TABLE_MISSING'].includes(error.code)) return false;
    throw error;
  }
}
