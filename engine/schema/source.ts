import { quoteName, quoteText } from '../sql.ts';
import type { Column } from './column.ts';
import type { Schema, Table } from './table.ts';

/** Where a staged source is read from: DuckDB variables with lists of files, and a temp table of what is per file. */
export const sourceNames = (table: string) =>
  ({
    batches: `${table}_batches`,
    headerless: `${table}_headerless`,
    headed: `${table}_headed`,
    perFile: `${table}_per_file`,
  }) as const;

const format = `header = false, auto_detect = false, delim = ',', quote = '', escape = ''`;

/**
 * The relation that stands in the place of a source's name: constant text, the files come from variables. With `texts`
 * its columns are what stands in the files, whatever type the definition gives them.
 */
export function sourceRelation(table: Table, { texts = false }: { readonly texts?: boolean } = {}): string {
  const { perFile = [], name } = table;
  const names = sourceNames(name);
  const all = Object.entries(table.columns);
  const read = (variable: string, columns: readonly (readonly [string, Column])[], options = ''): string => {
    const types = columns.map(([column, { type }]) => `${quoteText(column)}: ${quoteText(texts ? 'VARCHAR' : type)}`);
    return `read_csv(getvariable(${quoteText(variable)}), ${format}${options}, columns = {${types.join(', ')}})`;
  };
  const batches = read(names.batches, all);
  if (perFile.length === 0) return batches;
  const inFile = all.filter(([column]) => !perFile.includes(column));
  const columns = all.map(([column]) => quoteName(column)).join(', ');
  const inPlace = (variable: string, options: string): string =>
    `SELECT ${columns} FROM ${read(variable, inFile, `${options}, filename = 'file'`)} JOIN ${quoteName(names.perFile)} USING (file)`;
  return `(${inPlace(names.headerless, '')} UNION ALL ${inPlace(names.headed, ', skip = 1')} UNION ALL SELECT ${columns} FROM ${batches})`;
}

/** Source → its relation. */
export const sourceRelations = (
  schema: Schema,
  options: { readonly texts?: boolean } = {},
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.values(schema)
      .filter((table) => table.kind === 'source')
      .map((table) => [table.name, sourceRelation(table, options)]),
  );
