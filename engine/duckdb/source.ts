import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { StagedFiles } from '../extract.ts';
import type { Column, Schema, Table } from '../schema/table.ts';
import { freeName, quoteName, quoteText } from '../sql.ts';
import type { Warehouse } from './warehouse.ts';

/**
 * Names behind a staged source: DuckDB variables with lists of files, and a temp table with values per file, whose
 * `file` column has a name that no column of the source has.
 */
const sourceNames = ({ name, columns }: Table) =>
  ({
    batches: `${name}_batches`,
    headerless: `${name}_headerless`,
    headed: `${name}_headed`,
    perFile: `$${name}_per_file`,
    file: freeName('file', Object.keys(columns)),
  }) as const;

const format = `header = false, auto_detect = false, delim = ',', quote = '', escape = ''`;

/**
 * The relation that replaces a source's name: constant text, since the files come from variables. With `texts` its
 * columns are the raw text of the files, whatever type the definition gives them.
 */
export function sourceRelation(table: Table, { texts = false }: { readonly texts?: boolean } = {}): string {
  const { perFile = [] } = table;
  const names = sourceNames(table);
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
    `SELECT ${columns} FROM ${read(variable, inFile, `${options}, filename = ${quoteText(names.file)}`)} JOIN ${quoteName(names.perFile)} USING (${quoteName(names.file)})`;
  return `(${inPlace(names.headerless, '')} UNION ALL ${inPlace(names.headed, ', skip = 1')} UNION ALL SELECT ${columns} FROM ${batches})`;
}

/** Maps each source to its relation. */
export const sourceRelations = (
  schema: Schema,
  options: { readonly texts?: boolean } = {},
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.values(schema)
      .filter((table) => table.kind === 'source')
      .map((table) => [table.name, sourceRelation(table, options)]),
  );

const rowsPerInsert = 1_000;

/**
 * Points the relation of a source (see `sourceRelation`) to files. An empty file is written to `directory` for a source
 * without files.
 */
export async function readFrom(
  warehouse: Warehouse,
  table: Table,
  { batches = [], inPlace = [] }: StagedFiles,
  directory: string,
): Promise<void> {
  const names = sourceNames(table);
  const empty = path.join(directory, 'empty.csv'); // DuckDB rejects an empty list
  await writeFile(empty, '');
  const set = (variable: string, files: readonly string[]) =>
    warehouse.setVariable(variable, (files.length > 0 ? files : [empty]).map(escapeGlob));
  await set(names.batches, batches);
  const { perFile = [] } = table;
  if (perFile.length === 0) return;
  const filesOf = (header: boolean) => inPlace.filter((one) => one.header === header).map(({ file }) => file);
  await set(names.headerless, filesOf(false));
  await set(names.headed, filesOf(true));
  const columns = [names.file, ...perFile].map((column) => `${quoteName(column)} VARCHAR`);
  await warehouse.run(`CREATE OR REPLACE TEMP TABLE ${quoteName(names.perFile)} (${columns.join(', ')})`);
  for (let from = 0; from < inPlace.length; from += rowsPerInsert) {
    const rows = inPlace
      .slice(from, from + rowsPerInsert)
      .map(({ file, values }) => `(${[file, ...values].map(quoteText).join(', ')})`);
    await warehouse.run(`INSERT INTO ${quoteName(names.perFile)} VALUES ${rows.join(', ')}`);
  }
}

/** Escapes a path that DuckDB would read as a pattern: `data[1]` would match its sibling `data1`. */
export const escapeGlob = (file: string): string => file.replaceAll(/[*?[]/g, '[$&]');
