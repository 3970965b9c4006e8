import type { Window } from '../extract.ts';
import { partitionColumns } from '../schema/ddl.ts';
import type { Table } from '../schema/table.ts';
import { quoteName, quoteText } from '../sql.ts';
import type { Warehouse } from './warehouse.ts';

/** Which partitions a model has, and which of them differ from what they were built from. */
export interface DirtyPartitions {
  readonly dirty: number;
  readonly total: number;
  /** Nothing of what the table holds stays. */
  readonly all: boolean;
}

const sqlDate = (date: Date): string => `DATE ${quoteText(date.toISOString().slice(0, 10))}`;

/** The condition that a partition lies in a window; a month does where any of its days does. */
function inWindow(table: Table, window: Window | undefined): string {
  if (window === undefined) return 'true';
  const conditions = partitionColumns(table).flatMap(({ name }) => {
    if (name === 'month')
      return [`"month" < ${sqlDate(window.end)}`, `"month" + INTERVAL 1 MONTH > ${sqlDate(window.start)}`];
    return table.columns[name]?.type === 'DATE'
      ? [`${quoteName(name)} >= ${sqlDate(window.start)}`, `${quoteName(name)} < ${sqlDate(window.end)}`]
      : [];
  });
  return conditions.join(' AND ') || 'true';
}

/**
 * Makes the temp tables `input_partitions` (all, with digests) and `dirty_partitions` (in the window, digest differs
 * from partition_state, or no longer there).
 */
export async function findDirty(
  warehouse: Warehouse,
  model: {
    readonly name: string;
    readonly table: Table;
    readonly inputsSql: string;
    readonly definitionDigest: string;
  },
  window: Window | undefined,
): Promise<DirtyPartitions> {
  const columns = partitionColumns(model.table);
  const typeOf = (name: string) => (name === 'month' ? 'DATE' : (model.table.columns[name]?.type ?? 'VARCHAR'));
  const name = columns.map((column) => `cast(${quoteName(column.name)} as VARCHAR)`).join(", '/', ");
  const parsed = columns.map(
    (column, at) =>
      `cast(split_part(partition, '/', ${at + 1}) as ${typeOf(column.name)}) AS ${quoteName(column.name)}`,
  );
  await warehouse.run(`CREATE OR REPLACE TEMP TABLE input_partitions AS
    SELECT ${columns.length === 0 ? "''" : `concat(${name})`} AS partition,
      md5(${quoteText(model.definitionDigest)} || digest) AS input_digest
    FROM (${model.inputsSql})`);
  await warehouse.run(`CREATE OR REPLACE TEMP TABLE dirty_partitions AS
    SELECT * FROM (
      SELECT ${['partition', ...parsed].join(', ')} FROM input_partitions
      FULL JOIN (FROM partition_state WHERE model = ${quoteText(model.name)}) AS built USING (partition)
      WHERE input_partitions.input_digest IS DISTINCT FROM built.input_digest
    ) WHERE ${inWindow(model.table, window)}`);
  const counts = await warehouse.row<{ dirty: bigint; total: bigint; kept: bigint }>(`SELECT
    (SELECT count(*) FROM dirty_partitions) AS dirty,
    (SELECT count(*) FROM input_partitions) AS total,
    (SELECT count(*) FROM partition_state ANTI JOIN dirty_partitions USING (partition)
      WHERE model = ${quoteText(model.name)}) AS kept`);
  const all = counts.kept === 0n && !(await hasOtherRows(warehouse, model.table));
  return { dirty: Number(counts.dirty), total: Number(counts.total), all };
}

/** Takes partitions out of `dirty_partitions`. They stay dirty for the next run. */
export async function leavePartitions(
  warehouse: Warehouse,
  found: DirtyPartitions,
  partitions: ReadonlySet<string>,
): Promise<DirtyPartitions> {
  if (partitions.size === 0) return found;
  const names = [...partitions].map(quoteText).join(', ');
  const left = await warehouse.run(`DELETE FROM dirty_partitions WHERE partition IN (${names})`);
  return { ...found, dirty: found.dirty - left, all: found.all && left === 0 };
}

/** That a row of the table lies in a partition of `dirty_partitions AS dirty`. */
export const inDirty = (table: Table): string =>
  partitionColumns(table)
    .map((column) => `${column.expression} = dirty.${quoteName(column.name)}`)
    .join(' AND ') || 'true';

/** A migrated table has rows of before, of which no state knows. */
async function hasOtherRows(warehouse: Warehouse, table: Table): Promise<boolean> {
  if (table.kind === 'view') return false;
  const others = `FROM ${quoteName(table.name)} ANTI JOIN dirty_partitions AS dirty ON ${inDirty(table)} LIMIT 1`;
  return (await warehouse.rows(`SELECT 1 ${others}`)).length > 0;
}

/** Part of the transaction that publishes the rows, so that state and rows cannot part. */
export async function recordPartitions(warehouse: Warehouse, model: string, runId: string): Promise<void> {
  await warehouse.run(`DELETE FROM partition_state USING dirty_partitions AS dirty
    WHERE partition_state.model = ${quoteText(model)} AND partition_state.partition = dirty.partition`);
  await warehouse.run(`INSERT INTO partition_state BY NAME
    SELECT ${quoteText(model)} AS model, partition, input_digest, ${quoteText(runId)} AS run_id
    FROM input_partitions SEMI JOIN dirty_partitions USING (partition)`);
}

/** Replaces the state of what has a single digest: a test, an export, a table that is loaded whole. */
export async function recordDigest(
  warehouse: Warehouse,
  name: string,
  digest: string | undefined,
  runId: string,
): Promise<void> {
  await warehouse.run(`DELETE FROM partition_state WHERE model = ${quoteText(name)}`);
  if (digest === undefined) return;
  await warehouse.run(`INSERT INTO partition_state (model, partition, input_digest, run_id)
    VALUES (${[name, '', digest, runId].map(quoteText).join(', ')})`);
}

export async function recordedDigest(warehouse: Warehouse, name: string): Promise<string | undefined> {
  const [row] = await warehouse.rows<{ input_digest: string }>(
    `SELECT input_digest FROM partition_state WHERE model = ${quoteText(name)}`,
  );
  return row?.input_digest;
}

/**
 * Has everything looked at again that was concluded from states alone: `model.name`, `test.name`, `export.name`. States
 * say what runs did, not what others wrote into the tables.
 */
export async function forgetConclusions(warehouse: Warehouse): Promise<void> {
  await warehouse.run(`DELETE FROM partition_state WHERE contains(model, '.')`);
}

/** One digest of all that these tables were built from. */
export async function stateDigest(warehouse: Warehouse, tables: readonly string[]): Promise<string> {
  const { digest } = await warehouse.row<{ digest: string }>(`SELECT
    cast(coalesce(sum(hash(model, partition, input_digest)), 0) as VARCHAR) AS digest
    FROM partition_state WHERE model IN (${tables.map(quoteText).join(', ')})`);
  return digest;
}
