import type { Window } from '../extract.ts';
import { isPartitionTextSql, partitionTextSql, partitionValueSql } from '../partition-text.ts';
import type { Table } from '../schema/table.ts';
import { clockSql, lowerCase, quoteName, quoteText } from '../sql.ts';
import { type Reader, reachedPartitions } from './changes.ts';
import type { CompiledModel } from './compiled-model.ts';
import { type PartitionColumn, partitionColumns } from './ddl.ts';
import { isDay } from './partition-map.ts';
import { rowsDigests } from './rows-digest.ts';
import { hasKept, looksOf, recordPartitions, statesOf } from './state.ts';
import type { Warehouse } from './warehouse.ts';

/** How many partitions a model has, and how many of them differ from what they were built from, or may do so. */
export interface DirtyPartitions {
  readonly dirty: number;
  readonly total: number;
  /** True if no row of the table is kept. */
  readonly all: boolean;
  /** True if this is all that the model has to do: no partition outside the window is left that only its query knows. */
  readonly complete: boolean;
}

/**
 * The engine's own temp tables. No table of a project has such a name: `openProject` rejects a leading `$`. `part1`,
 * `part2` … are the values of a partition, in the order of `partitionColumns`.
 */
export const inputPartitions = '"$input_partitions"';
/** A partition without an `input_digest` has no input left and is removed. */
export const dirtyPartitions = '"$dirty_partitions"';

/** Partitions that changes reach outside the window; they are left for another run. */
export const leftPartitions = '"$left_partitions"';

/**
 * The view of `dirtyPartitions` that a model with `inputs` may join to read less, with the table's column names. Without
 * the join its rows are confined all the same.
 */
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

type PartitionedModel = Pick<
  CompiledModel,
  | 'name'
  | 'table'
  | 'inputsSql'
  | 'querySql'
  | 'sources'
  | 'definitionDigest'
  | 'readsClock'
  | 'readsDirty'
  | 'settlesAfter'
>;

/** SQL: the values of a partition's text as `part1` …, and whether it has them. */
export const readParts = (text: string, columns: readonly PartitionColumn[]): string =>
  [
    ...columns.map(({ type }, at) => `${partitionValueSql(text, at + 1, type)} AS ${partName(type, at)}`),
    `(${isPartitionTextSql(
      text,
      columns.map(({ type }) => type),
    )}) AS is_readable`,
  ].join(', ');

/** SQL: the text of the partition that has the values `part1` …. */
const textOfParts = (columns: readonly PartitionColumn[]): string =>
  partitionTextSql(columns.map(({ type }, at) => ({ expression: partName(type, at), type })));

/**
 * Creates the temp tables `inputPartitions` and `dirtyPartitions`: those of the former that lie in the window and have
 * to be built, or looked at. With `refresh` every partition has to be built.
 */
export async function findDirty(
  warehouse: Warehouse,
  model: PartitionedModel,
  window: Window | undefined,
  refresh = false,
): Promise<DirtyPartitions> {
  const { inputsSql } = model;
  if (inputsSql === undefined) return findReached(warehouse, model, window, refresh);
  return findDiffering(warehouse, { ...model, inputsSql }, window, refresh);
}

/** Finds the partitions whose inputs have another digest than the recorded one, and those that no longer have inputs. */
async function findDiffering(
  warehouse: Warehouse,
  model: PartitionedModel & { readonly inputsSql: string },
  window: Window | undefined,
  refresh: boolean,
): Promise<DirtyPartitions> {
  const columns = partitionColumns(model.table);
  const parts = columns.map(partName);
  await warehouse.run(`CREATE OR REPLACE TEMP TABLE ${inputPartitions} AS
    SELECT ${[`${textOfParts(columns)} AS partition`, ...parts].join(', ')},
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
  return { dirty: Number(counts.dirty), total: Number(counts.total), all, complete: true };
}

/**
 * Finds the partitions that changes of the sources reach, those that were left to build, and those that the clock can
 * still change. If that can be any, every partition counts: the known ones, and unless the whole table is replaced those
 * that the query has.
 */
async function findReached(
  warehouse: Warehouse,
  model: PartitionedModel,
  window: Window | undefined,
  refresh: boolean,
): Promise<DirtyPartitions> {
  const columns = partitionColumns(model.table);
  const parts = columns.map(partName);
  const reached = refresh ? undefined : await reachedSince(warehouse, model);
  const isWhole = inWindow(columns, window) === 'true';
  const keepsRows = columns.length > 0 && (await hasKept(warehouse, model.name));
  const all = reached === undefined && isWhole && !keepsRows;
  const stated = `SELECT partition, ${readParts('partition', columns)} FROM ${statesOf(model.name)}`;
  const stale = `${stated} WHERE input_digest <> ${quoteText(model.definitionDigest)}`;
  const named = (relation: string) =>
    `SELECT ${[`${textOfParts(columns)} AS partition`, ...parts, 'true AS is_readable'].join(', ')} FROM (${relation})`;
  const own = columns.map(({ expression, type }, at) => `cast(${expression} as ${type}) AS ${parts[at]}`);
  const ofQuery = `SELECT DISTINCT ${own.join(', ')} FROM (${model.querySql}) AS ${quoteName(model.table.name)}`;
  const found = reached === undefined ? [stated, ...(all ? [] : [named(ofQuery)])] : [named(reached), stale];
  await warehouse.run(`CREATE OR REPLACE TEMP TABLE ${inputPartitions} AS
    SELECT DISTINCT ON (partition) * FROM (${found.join(' UNION ALL ')})`);
  await warehouse.run(`CREATE OR REPLACE TEMP TABLE ${dirtyPartitions} AS
    SELECT *, ${quoteText(model.definitionDigest)} AS input_digest FROM ${inputPartitions} WHERE ${inWindow(columns, window)}`);
  await warehouse.run(`CREATE OR REPLACE TEMP TABLE ${leftPartitions} AS
    SELECT partition FROM ${inputPartitions} ANTI JOIN ${dirtyPartitions} USING (partition)`);
  const counts = await warehouse.row<{ dirty: bigint; total: bigint }>(`SELECT
    (SELECT count(*) FROM ${dirtyPartitions}) AS dirty, (SELECT count(*) FROM ${statesOf(model.name)}) AS total`);
  return { dirty: Number(counts.dirty), total: Number(counts.total), all, complete: reached !== undefined || isWhole };
}

/** SQL: the partitions that can differ since the last look; undefined if any can. */
async function reachedSince(warehouse: Warehouse, model: PartitionedModel): Promise<string | undefined> {
  const look = (await looksOf(warehouse)).get(model.name);
  if (look?.definitionDigest !== model.definitionDigest) return undefined;
  const reader: Reader = model;
  const reached = await reachedPartitions(warehouse, reader);
  if (reached === undefined || !model.readsClock) return reached;
  const { moved } = await warehouse.row<{ moved: boolean }>(
    `SELECT ${clockSql} <> TIMESTAMP ${quoteText(look.asOf)} AS moved`,
  );
  if (!moved) return reached;
  const columns = partitionColumns(model.table);
  if (model.settlesAfter === undefined || columns.length !== 1 || !isDay(columns[0] as PartitionColumn))
    return undefined;
  const [before, now] = [`TIMESTAMP ${quoteText(look.asOf)}`, clockSql];
  const first = `cast(least(${before}, ${now}) as DATE) - ${model.settlesAfter + 1}`;
  return `${reached} UNION SELECT cast(unnest(generate_series(${first}, cast(greatest(${before}, ${now}) as DATE), INTERVAL 1 DAY)) as DATE)`;
}

/** Takes partitions that turned out to be as they were out of `dirtyPartitions`; returns their number. */
export const leaveUnchanged = (warehouse: Warehouse, unchanged: string): Promise<number> =>
  warehouse.run(`DELETE FROM ${dirtyPartitions} WHERE partition IN (${unchanged})`);

/**
 * After a whole table was replaced: makes `dirtyPartitions` the partitions that it has and those that it had, the latter
 * without `input_digest`.
 */
export async function findReplaced(warehouse: Warehouse, model: PartitionedModel): Promise<number> {
  const columns = partitionColumns(model.table);
  const parts = columns.map(partName);
  const values = columns.map(({ expression }, at) => `${expression} AS ${parts[at]}`);
  const has = columns.length === 0 ? 'SELECT 1' : `SELECT DISTINCT ${values.join(', ')} FROM ${quoteName(model.name)}`;
  await warehouse.run(`CREATE OR REPLACE TEMP TABLE ${dirtyPartitions} AS
    SELECT ${[`${textOfParts(columns)} AS partition`, ...parts].join(', ')}, true AS is_readable,
      ${quoteText(model.definitionDigest)} AS input_digest FROM (${has})`);
  await warehouse.run(`INSERT INTO ${dirtyPartitions} BY NAME
    SELECT partition, ${readParts('partition', columns)}, NULL AS input_digest
    FROM ${statesOf(model.name)} ANTI JOIN ${dirtyPartitions} USING (partition)`);
  const { count } = await warehouse.row<{ count: bigint }>(`SELECT count(*) AS count FROM ${dirtyPartitions}`);
  return Number(count);
}

/** Takes the digest from partitions in `dirtyPartitions` that have no rows, so that they are recorded as gone. */
export async function withdrawEmpty(warehouse: Warehouse, table: Table): Promise<void> {
  if (partitionColumns(table).length === 0) return;
  await warehouse.run(`UPDATE ${dirtyPartitions} AS ${dirtyAlias} SET input_digest = NULL
    WHERE NOT EXISTS (FROM ${quoteName(table.name)} WHERE ${inDirty(table)})`);
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
