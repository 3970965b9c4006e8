import { hasPrimaryKey, type Table } from '../schema/table.ts';
import { freeName, quoteName } from '../sql.ts';
import { addPrimaryKey, createBareTable, createIndexes, tableComments } from './ddl.ts';
import { dirtyAlias, dirtyPartitions, inBuilt, inDirty } from './partitions.ts';
import { alteredOf, alteredPartitions } from './state.ts';
import type { Warehouse } from './warehouse.ts';

/** Rows of a query lie in other partitions than those that are being built. */
export class RowsOutside extends Error {}

const newRows = '"$new_rows"';

/**
 * Replaces the rows of `dirtyPartitions` by those of a query, inside the caller's transaction; the number of new rows.
 * Where nothing stays, the table is made anew and gets key and indexes after the load: replacing millions of rows under
 * a key takes three times as long and doubles the file. A view has no rows to replace: it is made anew.
 *
 * `confined` leaves out what the query has of other partitions. That takes a copy of its rows, since a join would lose
 * their order; so without it the rows are counted afterwards.
 * @throws RowsOutside where they are more than those of the partitions that are being built
 */
export async function replacePartitions(
  warehouse: Warehouse,
  table: Table,
  query: string,
  options: { readonly all: boolean; readonly readsItself: boolean; readonly confined: boolean },
): Promise<number> {
  if (table.kind === 'view') {
    await warehouse.run(`CREATE OR REPLACE VIEW ${quoteName(table.name)} AS ${query}`);
    return 0;
  }
  const { all, confined } = options;
  const isApart = confined || (options.readsItself && !all);
  if (isApart) await warehouse.run(`CREATE OR REPLACE TEMP TABLE ${newRows} AS ${selectRows(table, query)}`);
  const rows = confined ? builtRows(table) : isApart ? `FROM ${newRows}` : selectRows(table, query);
  const inserted = await (all ? remake(warehouse, table, rows) : replaceDirty(warehouse, table, rows));
  if (isApart) await warehouse.run(`DROP TABLE ${newRows}`);
  if (!confined && inserted !== (await countBuilt(warehouse, table, all))) throw new RowsOutside();
  return inserted;
}

async function replaceDirty(warehouse: Warehouse, table: Table, rows: string): Promise<number> {
  await warehouse.run(deleteDirty(table));
  return warehouse.run(insertRows(table, table.name, rows));
}

/**
 * Takes away the rows of dirty partitions that another program changed, for a model that reads itself: what it carries over
 * would be theirs.
 */
export async function removeAltered(warehouse: Warehouse, table: Table): Promise<void> {
  if ((await alteredPartitions(warehouse, [table.name])).length === 0) return;
  await warehouse.run(`${deleteDirty(table)} AND ${dirtyAlias}.partition IN ${alteredOf(table.name)}`);
}

async function remake(warehouse: Warehouse, table: Table, rows: string): Promise<number> {
  const aside = { ...table, name: '$new' };
  await warehouse.run(createBareTable(aside));
  const inserted = await warehouse.run(insertRows(table, aside.name, rows));
  await warehouse.run(`DROP TABLE IF EXISTS ${quoteName(table.name)}`);
  await warehouse.run(`ALTER TABLE ${quoteName(aside.name)} RENAME TO ${quoteName(table.name)}`);
  if (hasPrimaryKey(table)) await warehouse.run(addPrimaryKey(table));
  for (const statement of [...createIndexes(table), ...tableComments(table)]) await warehouse.run(statement);
  return inserted;
}

const columnNames = (table: Table): string => Object.keys(table.columns).map(quoteName).join(', ');

/** By name and with the types of the definition. The order of the query's rows stays. */
function selectRows(table: Table, query: string): string {
  const columns = Object.entries(table.columns).map(
    ([name, { type }]) => `cast(${quoteName(name)} as ${type}) AS ${quoteName(name)}`,
  );
  return `SELECT ${columns.join(', ')} FROM (${query})`;
}

/** Those of `newRows` that lie in partitions that are being built, in their order. */
function builtRows(table: Table): string {
  const place = quoteName(freeName('row', Object.keys(table.columns)));
  return `SELECT ${columnNames(table)} FROM (SELECT *, row_number() OVER () AS ${place} FROM ${newRows}) AS ${quoteName(table.name)}
    SEMI JOIN ${dirtyPartitions} AS ${dirtyAlias} ON ${inBuilt(table)} ORDER BY ${place}`;
}

const insertRows = (table: Table, into: string, rows: string): string =>
  `INSERT INTO ${quoteName(into)} (${columnNames(table)}) ${rows}`;

const deleteDirty = (table: Table): string =>
  `DELETE FROM ${quoteName(table.name)} USING ${dirtyPartitions} AS ${dirtyAlias} WHERE ${inDirty(table)}`;

/**
 * How many rows the table has in the partitions that are being built. Of all of them it groups the rows first, which takes
 * a third of the time; of some, the join reads only where they lie.
 */
async function countBuilt(warehouse: Warehouse, table: Table, all: boolean): Promise<number> {
  const rows = quoteName(freeName('rows', Object.keys(table.columns)));
  const isGrouped = all && table.partition !== undefined;
  const { count } = await warehouse.row<{ count: bigint }>(`SELECT
    cast(coalesce(${isGrouped ? `sum(${rows})` : 'count(*)'}, 0) as BIGINT) AS count
    FROM ${isGrouped ? groupedRows(table, rows) : quoteName(table.name)} AS ${quoteName(table.name)}
    SEMI JOIN ${dirtyPartitions} AS ${dirtyAlias} ON ${inBuilt(table)}`);
  return Number(count);
}

/** The columns that partitions are made of, a time by its day where only its month counts, and `rows`, how many they are. */
function groupedRows(table: Table, rows: string): string {
  const parts = table.partition ?? [];
  const columns = new Map(parts.flatMap((part) => (typeof part === 'string' ? [] : [[part.month, 'DATE']])));
  for (const part of parts) if (typeof part === 'string') columns.set(part, table.columns[part]?.type ?? 'VARCHAR');
  const values = [...columns].map(([name, type]) => `cast(${quoteName(name)} as ${type}) AS ${quoteName(name)}`);
  return `(SELECT ${[...values, `count(*) AS ${rows}`].join(', ')} FROM ${quoteName(table.name)} GROUP BY ALL)`;
}
