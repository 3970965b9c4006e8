import type { ColumnsOf } from '../engine/for-commands.ts';
import { PipelineError } from '../engine/index.ts';
import { fetchMissing } from './fetch.ts';
import { type OpenOptions, openWarehouse } from './open.ts';
import type { GivenOf, RowOf } from './question.ts';
import { ohlcv, ohlcvFigures, resampledOhlcv } from './questions/ohlcv.ts';
import { resolvePlain } from './resolve.ts';

/** A bar as published; times are UTC, ranges are of open times. */
export type Bar = RowOf<typeof ohlcv>;
/** Bars added up; `bars` is less than `bars_expected` where some are missing or were not asked for. */
export type ResampledBar = RowOf<typeof resampledOhlcv>;

interface FetchOptions {
  /** First extract and load what the archive has of it and the warehouse has not; progress goes to stderr. */
  readonly fetch?: boolean;
  /** With `fetch`: large amounts without asking. */
  readonly yes?: boolean;
}

export type OhlcvRequest = OpenOptions &
  FetchOptions &
  GivenOf<typeof ohlcv.parameters> & { readonly resample?: undefined };
export type ResampledRequest = OpenOptions & FetchOptions & GivenOf<typeof resampledOhlcv.parameters>;

/**
 * The bars of one series in `[start, end)`: of spot, unless `instrumentType` names futures-um or futures-cm.
 * With `resample`, added up to coarser bars; with `fetch`, what is missing is extracted first. The warehouse is open for this one answer alone; ask `openWarehouse` for
 * many, and its `stream` for more than memory holds.
 *
 * @throws PipelineError USAGE for a series that is not there, saying what is; and what `openWarehouse` throws
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
 * The same bars by columns, numbers and times (ms since 1970, UTC) alone: a quarter of the time for numeric work.
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
    throw new PipelineError('USAGE', 'fetch loads into the warehouse of a target, and file names another', {
      key: 'file',
      value: file,
      hint: 'name target, and dataDir where it is not beside pipeline.yaml',
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
