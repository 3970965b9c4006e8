import type { Window } from '../extract.ts';
import { isPartitionTextSql, partitionTextSql, partitionValueSql } from '../partition-text.ts';
import type { Table } from '../schema/table.ts';
import { lowerCase, quoteName, quoteText } from '../sql.ts';
import { type PartitionColumn, partitionColumns } from './ddl.ts';
import { rowsDigests } from './rows-digest.ts';
import { recordPartitions, statesOf } from './state.ts';
import type { Warehouse } from './warehouse.ts';

/** How many partitions a model has, and how many of them differ from what they were built from. */
export interface DirtyPartitions {
  readonly dirty: number;
  readonly total: number;
  /** True if no row of the table is kept. */
  readonly all: boolean;
}

/**
 * The engine's own temp tables. No table of a project has such a name: `openProject` rejects a leading `$`. `part1`,
 * `part2` … are the values of a partition, in the order of `partitionColumns`.
 */
const inputPartitions = '"$input_partitions"';
/** A partition without an `input_digest` has no input left and is removed. */
export const dirtyPartitions = '"$dirty_partitions"';

/** The view of `dirtyPartitions` that models read, with the table's column names. */
export const dirtyView = 'dirty_partitions';

const sqlDate = (date: Date): string => `DATE ${quoteText(date.toISOString().slice(0, 10))}`;
const partName = (_: unknown, at: number): string => `part${at + 1}`;

/** The condition that a partition lies in a window; a month does if any of its days does. */
function inWindow(columns: readonly PartitionColumn[], window: Window | undefined): string {
  if (window === undefined) return 'true';
  const conditions = columns.flatMap(({ isMonth, type }, at) => {
    const part = partName(undefined, at);
    if (isMonth) return [`${part} < ${sqlDate(window.end)}`, `${part} + INTERVAL 1 MONTH > ${sqlDate(window.start)}`];
    return type === 'DATE' ? [`${part} >= ${sqlDate(window.start)}`, `${part} < ${sqlDate(window.end)}`] : [];
  });
  return conditions.join(' AND ') || 'true';
}

/** The rows of `inputs`, with the partition's values as `part1` … and `digest`. */
function namedInputs(inputsSql: string, columns: readonly PartitionColumn[]): string {
  // If a partition column is also called digest, only the column order tells them apart.
  if (columns.some(({ name }) => lowerCase(name) === 'digest')) {
    return `(FROM (${inputsSql}) AS inputs(${[...columns.map(partName), 'digest'].join(', ')}))`;
  }
  const parts = columns.map(({ name, type }, at) => `cast(${quoteName(name)} as ${type}) AS ${partName(name, at)}`);
  return `(SELECT ${[...parts, 'digest'].join(', ')} FROM (${inputsSql}))`;
}

export interface PartitionedModel {
  readonly name: string;
  readonly table: Table;
  readonly inputsSql: string;
  readonly definitionDigest: string;
  /** True if the model's statements read `dirtyView`. */
  readonly readsDirty: boolean;
}

/**
 * Creates the temp tables `inputPartitions` (all, with digests) and `dirtyPartitions` (those in the window whose digest
 * differs from the recorded one, or that no longer exist). With `refresh` every partition counts as different.
 */
export async function findDirty(
  warehouse: Warehouse,
  model: PartitionedModel,
  window: Window | undefined,
  refresh = false,
): Promise<DirtyPartitions> {
  const columns = partitionColumns(model.table);
  const parts = columns.map(partName);
  const text = partitionTextSql(columns.map(({ type }, at) => ({ expression: parts[at] as string, type })));
  await warehouse.run(`CREATE OR REPLACE TEMP TABLE ${inputPartitions} AS
    SELECT ${[`${text} AS partition`, ...parts].join(', ')},
      md5(${quoteText(model.definitionDigest)} || digest) AS input_digest
    FROM ${namedInputs(model.inputsSql, columns)} AS inputs`);
  // Only the text of a removed partition is known.
  const values = columns.map(
    ({ type }, at) =>
      `CASE WHEN now.partition IS NULL THEN ${partitionValueSql('built.partition', at + 1, type)} ELSE now.${parts[at]} END AS ${parts[at]}`,
  );
  const types = columns.map(({ type }) => type);
  const isReadable = `(now.partition IS NOT NULL OR (${isPartitionTextSql('built.partition', types)})) AS is_readable`;
  await warehouse.run(`CREATE OR REPLACE TEMP TABLE ${dirtyPartitions} AS
    SELECT * FROM (
      SELECT coalesce(now.partition, built.partition) AS partition, ${[...values, 'now.input_digest', isReadable].join(', ')}
      FROM ${inputPartitions} AS now
      FULL JOIN ${statesOf(model.name)} AS built USING (partition)
      WHERE ${refresh} OR now.input_digest IS DISTINCT FROM built.input_digest
    ) WHERE ${inWindow(columns, window)}`);
  if (model.readsDirty) await warehouse.run(createDirtyView(columns));
  const counts = await warehouse.row<{ dirty: bigint; total: bigint; kept: bigint }>(`SELECT
    (SELECT count(*) FROM ${dirtyPartitions}) AS dirty,
    (SELECT count(*) FROM ${inputPartitions}) AS total,
    (SELECT count(*) FROM ${statesOf(model.name)} ANTI JOIN ${dirtyPartitions} USING (partition)) AS kept`);
  const all = counts.kept === 0n && !(await hasOtherRows(warehouse, model.table));
  return { dirty: Number(counts.dirty), total: Number(counts.total), all };
}

/** Returns the partitions that a model has inputs for, and all dirty ones, including those without any input left. */
export async function partitionsOf(
  warehouse: Warehouse,
  model: PartitionedModel,
): Promise<{ readonly known: ReadonlySet<string>; readonly dirty: ReadonlySet<string> }> {
  await findDirty(warehouse, model, undefined);
  const named = async (relation: string): Promise<ReadonlySet<string>> => {
    const rows = await warehouse.rows<{ partition: string }>(`SELECT partition FROM ${relation}`);
    return new Set(rows.map(({ partition }) => partition));
  };
  return { known: await named(inputPartitions), dirty: await named(dirtyPartitions) };
}

/** Removes partitions from `dirtyPartitions`. They stay dirty for the next run. */
export async function leavePartitions(
  warehouse: Warehouse,
  found: DirtyPartitions,
  partitions: ReadonlySet<string>,
): Promise<DirtyPartitions> {
  if (partitions.size === 0) return found;
  const names = [...partitions].map(quoteText).join(', ');
  const left = await warehouse.run(`DELETE FROM ${dirtyPartitions} WHERE partition IN (${names})`);
  return { ...found, dirty: found.dirty - left, all: found.all && left === 0 };
}

function createDirtyView(columns: readonly PartitionColumn[]): string {
  const named = columns.map(({ name }, at) => `${partName(name, at)} AS ${quoteName(name)}`);
  const text = columns.some(({ name }) => lowerCase(name) === 'partition') ? [] : ['partition'];
  return `CREATE OR REPLACE TEMP VIEW ${dirtyView} AS SELECT ${[...text, ...named].join(', ')}
    FROM ${dirtyPartitions} WHERE is_readable`;
}

/** The alias of `dirtyPartitions` in the conditions below; no table of a project has this name. */
export const dirtyAlias = '"$dirty"';

/** SQL: true if a row of the table lies in a partition of `dirtyPartitions AS dirtyAlias`. */
export const inDirty = (table: Table): string =>
  [
    ...partitionColumns(table).map(({ expression, nullable }, at) => {
      const same = nullable ? 'IS NOT DISTINCT FROM' : '=';
      return `${expression} ${same} ${dirtyAlias}.${partName(expression, at)}`;
    }),
    // A partition text that does not parse to values matches no row.
    `${dirtyAlias}.is_readable`,
  ].join(' AND ');

/** SQL: true if the row lies in a partition that is being built, not just removed. */
export const inBuilt = (table: Table): string => `${inDirty(table)} AND ${dirtyAlias}.input_digest IS NOT NULL`;

/** A migrated table has older rows that no state records. */
async function hasOtherRows(warehouse: Warehouse, table: Table): Promise<boolean> {
  if (table.kind === 'view') return false;
  const others = `FROM ${quoteName(table.name)} ANTI JOIN ${dirtyPartitions} AS ${dirtyAlias} ON ${inDirty(table)} LIMIT 1`;
  return (await warehouse.rows(`SELECT 1 ${others}`)).length > 0;
}

/** Records the dirty partitions, in the transaction that publishes their rows. `all`: the table has no others. */
export async function recordDirty(
  warehouse: Warehouse,
  table: Table,
  { all, runId }: { readonly all: boolean; readonly runId: string },
): Promise<void> {
  const of = all ? '' : `JOIN ${dirtyPartitions} AS ${dirtyAlias} ON ${inDirty(table)}`;
  const digests = table.kind === 'view' ? undefined : rowsDigests(table, { of });
  await recordPartitions(warehouse, table.name, { changed: dirtyPartitions, digests, runId });
}
