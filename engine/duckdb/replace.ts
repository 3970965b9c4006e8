import { addPrimaryKey, createBareTable, createIndexes, hasPrimaryKey, tableComments } from '../schema/ddl.ts';
import type { Table } from '../schema/table.ts';
import { quoteName } from '../sql.ts';
import { inDirty } from './partitions.ts';
import type { Warehouse } from './warehouse.ts';

/**
 * Replaces the rows of `dirty_partitions` by those of a query, inside the caller's transaction; the number of new rows.
 * Where nothing stays, the table is made anew and gets key and indexes after the load: replacing millions of rows under
 * a key takes three times as long and doubles the file. A view has no rows to replace: it is made anew.
 */
export async function replacePartitions(
  warehouse: Warehouse,
  table: Table,
  query: string,
  options: { readonly all: boolean; readonly readsItself: boolean },
): Promise<number> {
  if (table.kind === 'view') {
    await warehouse.run(`CREATE OR REPLACE VIEW ${quoteName(table.name)} AS ${query}`);
    return 0;
  }
  if (options.all) return remake(warehouse, table, query);
  if (!options.readsItself) {
    await warehouse.run(deleteDirty(table));
    return warehouse.run(insertRows(table, table.name, query));
  }
  await warehouse.run(`CREATE OR REPLACE TEMP TABLE new_rows AS ${query}`);
  await warehouse.run(deleteDirty(table));
  const inserted = await warehouse.run(insertRows(table, table.name, 'FROM new_rows'));
  await warehouse.run('DROP TABLE new_rows');
  return inserted;
}

async function remake(warehouse: Warehouse, table: Table, query: string): Promise<number> {
  const aside = { ...table, name: `${table.name}_new` };
  await warehouse.run(createBareTable(aside));
  const inserted = await warehouse.run(insertRows(table, aside.name, query));
  await warehouse.run(`DROP TABLE IF EXISTS ${quoteName(table.name)}`);
  await warehouse.run(`ALTER TABLE ${quoteName(aside.name)} RENAME TO ${quoteName(table.name)}`);
  if (hasPrimaryKey(table)) await warehouse.run(addPrimaryKey(table));
  for (const statement of [...createIndexes(table), ...tableComments(table)]) await warehouse.run(statement);
  return inserted;
}

/** By name and with the types of the definition. The order of the query's rows stays. */
function insertRows(table: Table, into: string, query: string): string {
  const columns = Object.entries(table.columns).map(([name, { type }]) => ({ name: quoteName(name), type }));
  return `INSERT INTO ${quoteName(into)} (${columns.map(({ name }) => name).join(', ')})
    SELECT ${columns.map(({ name, type }) => `cast(${name} as ${type})`).join(', ')} FROM (${query})`;
}

const deleteDirty = (table: Table): string =>
  `DELETE FROM ${quoteName(table.name)} USING dirty_partitions AS dirty WHERE ${inDirty(table)}`;
