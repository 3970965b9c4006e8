import { defectOf } from '../../exchange/bar-rules.ts';
import { type Reason, reason } from '../verify/reason.ts';
import { openRows } from './rows.ts';

/**
 * What the load would find in the values of a CSV that is well formed (A11, A14, B25), in its words; asked here only of the
 * few archives that known_defects names.
 */
export function badValue(file: string): Reason | undefined {
  using rows = openRows(file);
  for (let row = rows.next(); row !== undefined; row = rows.next()) {
    const found = defectOf(row.split(','));
    if (found !== undefined) return reason(found.code, `row ${rows.count()}, ${found.says}`);
  }
  return undefined;
}
