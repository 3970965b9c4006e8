import { hasPrimaryKey, type Table } from '../schema/table.ts';
import { freeName, quoteName } from '../sql.ts';
import { addPrimaryKey, createBareTable, tableComments } from './ddl.ts';
import { dirtyAlias, dirtyPartitions, inBuilt, inDirty } from './partitions.ts';
import { alteredOf, alteredPartitions } from './state.ts';
import type { Warehouse } from './warehouse.ts';

/** Thrown if a query returns rows of partitions that are not being built. */
export class RowsOutside extends Error {}

/** Rows that were put aside; no table of a project has this name. */
export const newRows = '"$new_rows"';

/** Puts the rows of a query aside, in the columns of the table. */
export async function putAside(warehouse: Warehouse, table: Table, query: string): Promise<void> {
  await warehouse.run(`CREATE OR REPLACE TEMP TABLE ${newRows} AS ${selectRows(table, query)}`);
}

/** Replaces the rows of `dirtyPartitions` by those that were put aside for them; returns the number of new rows. */
export async function replaceByAside(warehouse: Warehouse, table: Table): Promise<number> {
  return replaceDirty(warehouse, table, builtRows(table));
}

export const dropAside = (warehouse: Warehouse): Promise<number> => warehouse.run(`DROP TABLE IF EXISTS ${newRows}`);

/**
 * Replaces the rows of `dirtyPartitions` by those of a query, inside the caller's transaction; returns the number of
 * new rows. If no row is kept, the table is recreated and gets its key after the load: replacing millions of
 * rows under a key takes three times as long and doubles the file. A view has no rows and is recreated.
 *
 * `confined` leaves out the query's rows of other partitions. That takes a copy of the rows, since a join would lose
 * their order; without it the rows are counted afterwards.
 * @throws RowsOutside if there are more rows than the partitions being built contain
 */
export async function replacePartitions(
  warehouse: Warehouse,
  table: Table,
  query: string,
  options: {
    readonly all: boolean;
    readonly readsItself: boolean;
    readonly confined: boolean;
    /** Whether rows of other partitions are looked for; every row of a model built by changes belongs to it. */
    readonly counted: boolean;
  },
): Promise<number> {
  if (table.kind === 'view') {
    await warehouse.run(`CREATE OR REPLACE VIEW ${quoteName(table.name)} AS ${query}`);
    return 0;
  }
  const { all, confined } = options;
  const isApart = confined || (options.readsItself && !all);
  if (isApart) await putAside(warehouse, table, query);
  const rows = confined ? builtRows(table) : isApart ? `FROM ${newRows}` : selectRows(table, query);
  const inserted = await (all ? remake(warehouse, table, rows) : replaceDirty(warehouse, table, rows));
  if (isApart) await dropAside(warehouse);
  if (options.counted && !confined && inserted !== (await countBuilt(warehouse, table, all))) throw new RowsOutside();
  return inserted;
}

async function replaceDirty(warehouse: Warehouse, table: Table, rows: string): Promise<number> {
  await warehouse.run(deleteDirty(table));
  return warehouse.run(insertRows(table, table.name, rows));
}

/**
 * Deletes the rows of dirty partitions that another program changed, so that a model which reads its own table does not
 * carry them over.
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
  for (const statement of tableComments(table)) await warehouse.run(statement);
  return inserted;
}

const columnNames = (table: Table): string => Object.keys(table.columns).map(quoteName).join(', ');

/** Selects columns by name, cast to the types of the definition, and keeps the order of the query's rows. */
function selectRows(table: Table, query: string): string {
  const columns = Object.entries(table.columns).map(
    ([name, { type }]) => `cast(${quoteName(name)} as ${type}) AS ${quoteName(name)}`,
  );
  return `SELECT ${columns.join(', ')} FROM (${query})`;
}

/** Selects the rows of `newRows` that lie in partitions being built, in their order. */
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
 * Counts the table's rows in the partitions being built. If these are all partitions, grouping the rows first takes a
 * third of the time; otherwise the join reads only the parts of the table that contain them.
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

/**
 * Groups rows by the columns that make up partitions (a time by its day if only its month counts); `rows` is the count.
 */
function groupedRows(table: Table, rows: string): string {
  const parts = table.partition ?? [];
  const columns = new Map(parts.flatMap((part) => (typeof part === 'string' ? [] : [[part.month, 'DATE']])));
  for (const part of parts) if (typeof part === 'string') columns.set(part, table.columns[part]?.type ?? 'VARCHAR');
  const values = [...columns].map(([name, type]) => `cast(${quoteName(name)} as ${type}) AS ${quoteName(name)}`);
  return `(SELECT ${[...values, `count(*) AS ${rows}`].join(', ')} FROM ${quoteName(table.name)} GROUP BY ALL)`;
}
