import {
  addPrimaryKey,
  createBareTable,
  createIndexes,
  hasPrimaryKey,
  partitionColumns,
  tableComments,
} from '../schema/ddl.ts';
import type { Table } from '../schema/table.ts';
import { quoteName } from '../sql.ts';
import type { Warehouse } from './warehouse.ts';

/**
 * Replaces the rows of `dirty_partitions` by those of a query, inside the caller's transaction; the number of new rows.
 * Where nothing stays, the table is made anew and gets key and indexes after the load: replacing millions of rows under
 * a key takes three times as long and doubles the file.
 */
export async function replacePartitions(
  warehouse: Warehouse,
  table: Table,
  query: string,
  options: { readonly all: boolean; readonly readsItself: boolean },
): Promise<number> {
  if (options.all) return remake(warehouse, table, query);
  const name = quoteName(table.name);
  if (!options.readsItself) {
    await warehouse.run(deleteDirty(table));
    return warehouse.run(`INSERT INTO ${name} BY NAME ${query}`);
  }
  await warehouse.run(`CREATE OR REPLACE TEMP TABLE new_rows AS ${query}`);
  await warehouse.run(deleteDirty(table));
  const inserted = await warehouse.run(`INSERT INTO ${name} BY NAME FROM new_rows`);
  await warehouse.run('DROP TABLE new_rows');
  return inserted;
}

async function remake(warehouse: Warehouse, table: Table, query: string): Promise<number> {
  const aside = { ...table, name: `${table.name}_new` };
  await warehouse.run(createBareTable(aside));
  const inserted = await warehouse.run(`INSERT INTO ${quoteName(aside.name)} BY NAME ${query}`);
  await warehouse.run(`DROP TABLE IF EXISTS ${quoteName(table.name)}`);
  await warehouse.run(`ALTER TABLE ${quoteName(aside.name)} RENAME TO ${quoteName(table.name)}`);
  if (hasPrimaryKey(table)) await warehouse.run(addPrimaryKey(table));
  for (const statement of [...createIndexes(table), ...tableComments(table)]) await warehouse.run(statement);
  return inserted;
}

function deleteDirty(table: Table): string {
  const name = quoteName(table.name);
  const same = partitionColumns(table).map((column) => `${column.expression} = dirty.${quoteName(column.name)}`);
  return `DELETE FROM ${name} USING dirty_partitions AS dirty WHERE ${same.join(' AND ') || 'true'}`;
}
