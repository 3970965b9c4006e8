import type { SqlType } from '../schema/column.ts';
import type { Table } from '../schema/table.ts';
import { boundText, valueText } from '../schema/value-text.ts';
import { lowerCase, quoteText } from '../sql.ts';

/** A value of a test as pipeline.yaml has it. */
export type TestValue = string | number | boolean;

/** The type of a column, whatever the case of its name; a text where the table has none of that name. */
export function typeOf(table: Table, name: string): SqlType {
  const found = Object.entries(table.columns).find(([column]) => lowerCase(column) === lowerCase(name));
  return found?.[1].type ?? 'VARCHAR';
}

/** A value as a literal of a column's type, so that values are compared and not what they round or print to (B31). */
export function literalSql(value: TestValue, type: SqlType): string {
  const text = valueText(String(value), type);
  if (text === undefined) throw new Error(`${value} is not a value of ${type}`); // `checkTestValues` has refused it
  return `cast(${quoteText(text)} as ${type})`;
}

/** A bound of a column of this type. */
export function boundSql(value: TestValue, type: SqlType, which: 'min' | 'max'): string {
  const bound = boundText(String(value), type, which);
  if (bound === undefined) throw new Error(`${value} is not a bound of ${type}`);
  return `cast(${quoteText(bound.text)} as ${bound.type})`;
}
