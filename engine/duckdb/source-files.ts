import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { StagedFiles } from '../extract.ts';
import type { Table } from '../schema/table.ts';
import { quoteName, quoteText } from '../sql.ts';
import { escapeGlob } from './glob.ts';
import { sourceNames } from './source.ts';
import type { Warehouse } from './warehouse.ts';

const rowsPerInsert = 1_000;

/** Points the relation of a source (see `sourceRelation`) to files. `directory` gets an empty one for what has none. */
export async function readFrom(
  warehouse: Warehouse,
  table: Table,
  { batches = [], inPlace = [] }: StagedFiles,
  directory: string,
): Promise<void> {
  const names = sourceNames(table);
  const empty = path.join(directory, 'empty.csv'); // an empty list is an error to DuckDB
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
