import type { ColumnsOf } from '../engine/for-commands.ts';
import { PipelineError } from '../engine/index.ts';
import { fetchMissing } from './fetch.ts';
import { type OpenOptions, openWarehouse } from './open.ts';
import type { GivenOf, RowOf } from './question.ts';
import { ohlcv, ohlcvFigures, resampledOhlcv } from './questions/ohlcv.ts';
import { resolvePlain } from './resolve.ts';

/** A bar as published; times are UTC, and ranges refer to open times. */
export type Bar = RowOf<typeof ohlcv>;
/** Aggregated bars; `bars` is less than `bars_expected` if some are missing or outside the range. */
export type ResampledBar = RowOf<typeof resampledOhlcv>;

interface FetchOptions {
  /** First fetches and loads the bars that the archive has and the warehouse lacks; progress goes to stderr. */
  readonly fetch?: boolean;
  /** With `fetch`: fetches large amounts without asking. */
  readonly yes?: boolean;
}

export type OhlcvRequest = OpenOptions &
  FetchOptions &
  GivenOf<typeof ohlcv.parameters> & { readonly resample?: undefined };
export type ResampledRequest = OpenOptions & FetchOptions & GivenOf<typeof resampledOhlcv.parameters>;

/**
 * Returns the bars of one series in `[start, end)`. The market is spot unless `instrumentType` is futures-um or
 * futures-cm. `resample` aggregates them to coarser bars; `fetch` first fetches missing ones. The warehouse is open only
 * for this call; use `openWarehouse` for several queries, and its `stream` for results that do not fit into memory.
 *
 * @throws PipelineError USAGE for a series without bars, with a hint about available ones; and as `openWarehouse`
 * @example
 * ```ts
 * import { getOhlcv } from 'klinehouse';
 *
 * const bars = await getOhlcv({
 *   symbol: 'BTC/USDT',
 *   timeframe: '1d',
 *   start: '2025-06-01',
 *   end: '2025-07-01',
 *   instrumentType: 'futures-um',
 * });
 * console.log(bars.length, 'days, closed at', bars.at(-1)?.close);
 * ```
 */
export function getOhlcv(request: OhlcvRequest): Promise<readonly Bar[]>;
export function getOhlcv(request: ResampledRequest): Promise<readonly ResampledBar[]>;
export async function getOhlcv(
  request: OhlcvRequest | ResampledRequest,
): Promise<readonly Bar[] | readonly ResampledBar[]> {
  await fetchFirst(request);
  await using warehouse = await openWarehouse(request);
  return request.resample === undefined
    ? await warehouse.rows(ohlcv, request)
    : await warehouse.rows(resampledOhlcv, request);
}

/**
 * Returns the same bars by column, only numbers and times (ms since 1970, UTC), in a quarter of the time.
 *
 * @example
 * ```ts
 * import { getOhlcvColumns } from 'klinehouse';
 *
 * const { timestamp, close } = await getOhlcvColumns({ symbol: 'BTCUSDT', timeframe: '1d', instrumentType: 'futures' });
 * const returns = close.subarray(1).map((price, day) => Math.log(price / (close[day] as number)));
 * console.log(timestamp.length, 'days,', returns.length, 'returns');
 * ```
 */
export async function getOhlcvColumns(request: OhlcvRequest): Promise<ColumnsOf<RowOf<typeof ohlcvFigures>>> {
  await fetchFirst(request);
  await using warehouse = await openWarehouse(request);
  return await warehouse.columns(ohlcvFigures, request);
}

async function fetchFirst(request: OhlcvRequest | ResampledRequest): Promise<void> {
  if (request.fetch !== true) return;
  const { file, signal = new AbortController().signal, ...options } = request;
  if (file !== undefined) {
    throw new PipelineError('USAGE', 'fetch loads into the warehouse of a target, so it cannot be combined with file', {
      key: 'file',
      value: file,
      hint: 'set target instead, and dataDir if the data is not next to pipeline.yaml',
    });
  }
  const { stderr, env } = process;
  const io = {
    ...{ stdout: stderr, stderr, env, cwd: process.cwd(), signal },
    now: () => new Date(),
    clock: () => performance.now(),
    random: Math.random,
  };
  const series =
    request.resample === undefined
      ? ohlcv.series?.(resolvePlain(ohlcv.parameters, request))
      : resampledOhlcv.series?.(resolvePlain(resampledOhlcv.parameters, request));
  await fetchMissing(io, series ?? [], options);
}
