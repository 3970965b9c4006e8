import { quoteText } from '../sql.ts';
import type { Schema, Table } from './table.ts';

/** The DuckDB variable that holds the files of a staged source. */
export const sourceVariable = (table: string): string => `${table}_files`;

/** The relation that stands in the place of a source's name: constant text, the files come from the variable. */
export function sourceRelation(table: Table): string {
  const columns = Object.entries(table.columns).map(
    ([name, column]) => `${quoteText(name)}: ${quoteText(column.type)}`,
  );
  return `read_csv(getvariable(${quoteText(sourceVariable(table.name))}), header = false, auto_detect = false, delim = ',', quote = '', escape = '', columns = {${columns.join(', ')}})`;
}

export const sourceRelations = (schema: Schema): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.values(schema)
      .filter((table) => table.kind === 'source')
      .map((table) => [table.name, sourceRelation(table)]),
  );
