import type { ExtractPlan, PlanRow } from '../../engine/index.ts';
import type { Series } from '../../exchange/keys.ts';
import { type Timeframe, timeframes } from '../../exchange/timeframes.ts';
import type { ListedObject } from '../listing/series-state.ts';
import type { SettledStatus, Why } from './plan.ts';
import { eachPlan, type PlanOptions, stagedBytes } from './plan-all.ts';

interface Row extends PlanRow {
  files: number;
  bytes: number;
  readonly why: Record<Why, number>;
  readonly settled: Record<SettledStatus, number>;
}

/**
 * What would be fetched, by market, timeframe, month and cadence, for all symbols together. Days that a monthly file
 * misses are known once it is staged (A15); until then they are in no row.
 */
export function planRows(options: PlanOptions): ExtractPlan {
  const rows = new Map<string, Row>();
  const rowOf = (series: Series, { period }: ListedObject): Row => {
    const { instrument_type, timeframe, cadence } = series;
    const of = { instrument_type, timeframe, month: period.slice(0, 7), cadence };
    const id = Object.values(of).join('/');
    let row = rows.get(id);
    if (row === undefined) {
      const why = { new: 0, reissued: 0, repair: 0, again: 0, pruned: 0 };
      row = { of, files: 0, bytes: 0, why, settled: { staged: 0, rejected: 0, known: 0, absent: 0, failed: 0 } };
      rows.set(id, row);
    }
    return row;
  };
  const totals = { files: 0, bytes: 0, diskBytes: 0 };
  for (const { monthly, daily, plan } of eachPlan(options)) {
    const seriesOf = ({ period }: ListedObject) => (period.length === 10 ? daily : monthly) as Series;
    for (const { object, why } of plan.wanted) {
      const row = rowOf(seriesOf(object), object);
      row.files++;
      row.bytes += object.size_bytes;
      row.why[why]++;
      totals.files++;
      totals.bytes += object.size_bytes;
      totals.diskBytes += stagedBytes(object.size_bytes);
    }
    for (const { object, status } of plan.settled) rowOf(seriesOf(object), object).settled[status]++;
  }
  return { ...totals, rows: [...rows.values()].sort(inOrder) };
}

const lengths = Object.keys(timeframes) as Timeframe[];

function inOrder({ of: a }: Row, { of: b }: Row): number {
  const rank = ({ instrument_type, timeframe, month, cadence }: Row['of']) =>
    `${instrument_type}/${String(lengths.indexOf(timeframe as Timeframe)).padStart(2, '0')}/${month}/${cadence}`;
  return rank(a) < rank(b) ? -1 : 1;
}
