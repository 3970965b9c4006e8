import type { ColumnsOf } from '../engine/index.ts';
import { type OpenOptions, openWarehouse } from './open.ts';
import type { GivenOf, RowOf } from './question.ts';
import { ohlcv, ohlcvFigures } from './questions/ohlcv.ts';
import { resampledOhlcv } from './questions/resampled-ohlcv.ts';

/** A bar as published; times are UTC, ranges are of open times. */
export type Bar = RowOf<typeof ohlcv>;
/** Bars added up; `bars` is less than `bars_expected` where some are missing or were not asked for. */
export type ResampledBar = RowOf<typeof resampledOhlcv>;

export type OhlcvRequest = OpenOptions & GivenOf<typeof ohlcv.parameters> & { readonly resample?: undefined };
export type ResampledRequest = OpenOptions & GivenOf<typeof resampledOhlcv.parameters>;

/**
 * The bars of one series in `[start, end)`: of spot, unless `instrumentType` names futures-um or futures-cm.
 * With `resample`, added up to coarser bars. The warehouse is open for this one answer alone; ask `openWarehouse` for
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
  await using warehouse = await openWarehouse(request);
  return await warehouse.columns(ohlcvFigures, request);
}
