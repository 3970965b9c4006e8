/**
 * The only module that reads and writes `partition_state`: what each partition was built from, and the digest of its
 * published rows. Besides the partitions of tables it contains, under names that no table has, conclusions about whole
 * nodes (`model.x`, `test.x`, `export.x`), the last look of a model at its sources (`looked.x`) and rows older than any run
 * (`kept.x`). Only this module knows these names.
 */
import { partitionState } from '../schema/system.ts';
import type { Table } from '../schema/table.ts';
import { clockSql, quoteName, quoteText } from '../sql.ts';
import { digestOfNothing, namedDigests, rowsDigests } from './rows-digest.ts';
import type { Warehouse } from './warehouse.ts';

const states = quoteName(partitionState.name);
const list = (names: readonly string[]): string => names.map(quoteText).join(', ');

/** Stands in for the digest of rows that another program changed, until the partition is rebuilt. */
const altered = 'altered';

/** SQL relation: `partition`, `input_digest` and `rows_digest` of all published partitions of a table. */
export const statesOf = (table: string): string =>
  `(SELECT partition, input_digest, rows_digest FROM ${states} WHERE model = ${quoteText(table)})`;

/** SQL relation: the `partition` of each that was built by this definition and that no other program has changed since. */
export const sameAs = (table: string, definitionDigest: string): string =>
  `(SELECT partition FROM ${statesOf(table)} WHERE input_digest = ${quoteText(definitionDigest)}
    AND rows_digest IS DISTINCT FROM ${quoteText(altered)})`;

/** SQL relation: the `partition` of each partition that another program changed and that has not been rebuilt. */
export const alteredOf = (table: string): string =>
  `(SELECT partition FROM ${statesOf(table)} WHERE rows_digest = ${quoteText(altered)})`;

/** Returns partition → input digest for all published partitions of a table. */
export async function builtPartitions(warehouse: Warehouse, table: string): Promise<ReadonlyMap<string, string>> {
  const rows = await warehouse.rows<{ partition: string; input_digest: string }>(
    `SELECT partition, input_digest FROM ${statesOf(table)}`,
  );
  return new Map(rows.map(({ partition, input_digest }) => [partition, input_digest]));
}

/** Returns what the only partition of a table without partitions was built from. */
export const recordedDigest = async (warehouse: Warehouse, table: string): Promise<string | undefined> =>
  [...(await builtPartitions(warehouse, table)).values()][0];

/** Returns the tables with any published partition, in a warehouse that may not have any tables yet. */
export async function builtAmong(warehouse: Warehouse, tables: readonly string[]): Promise<ReadonlySet<string>> {
  const has = await warehouse.rows(
    `SELECT 1 FROM duckdb_tables() WHERE table_name = ${quoteText(partitionState.name)}`,
  );
  if (has.length === 0 || tables.length === 0) return new Set();
  const rows = await warehouse.rows<{ model: string }>(
    `SELECT DISTINCT model FROM ${states} WHERE model IN (${list(tables)})`,
  );
  return new Set(rows.map(({ model }) => model));
}

/** True if nothing is published. */
export const isUnbuilt = async (warehouse: Warehouse): Promise<boolean> =>
  (await warehouse.rows(`SELECT 1 FROM ${states} LIMIT 1`)).length === 0;

/** SQL: one row with a `digest` of everything that these tables contain and were built from. */
export const stateDigestSql = (tables: readonly string[]): string =>
  `SELECT cast(coalesce(sum(hash(model, partition, input_digest, rows_digest)), 0) as VARCHAR) AS digest
    FROM ${states} WHERE model IN (${list(tables.length === 0 ? [''] : tables)})`;

export async function stateDigest(warehouse: Warehouse, tables: readonly string[]): Promise<string> {
  return (await warehouse.row<{ digest: string }>(stateDigestSql(tables))).digest;
}

/**
 * Replaces the states of changed partitions, in the transaction that publishes their rows, so that state and rows
 * always agree.
 * @param changed SQL relation: `partition` and `input_digest`, NULL if the partition is gone
 * @param digests SQL: `partition` and `rows_digest` of those that have rows; undefined for a view
 */
export async function recordPartitions(
  warehouse: Warehouse,
  table: string,
  {
    changed,
    digests,
    runId,
  }: { readonly changed: string; readonly digests: string | undefined; readonly runId: string },
): Promise<void> {
  const model = quoteText(table);
  await warehouse.run(`DELETE FROM ${states} USING ${changed} AS changed
    WHERE ${states}.model = ${model} AND ${states}.partition = changed.partition`);
  const [digest, rows] =
    digests === undefined
      ? ['NULL', '']
      : [`coalesce(rows.rows_digest, ${digestOfNothing})`, `LEFT JOIN (${digests}) AS rows USING (partition)`];
  await warehouse.run(`INSERT INTO ${states} BY NAME
    SELECT ${model} AS model, partition, input_digest, ${quoteText(runId)} AS run_id, ${digest} AS rows_digest
    FROM (FROM ${changed} WHERE input_digest IS NOT NULL) ${rows}`);
}

/** Makes all partitions of these tables dirty and withdraws these conclusions. The partitions stay known. */
export async function forgetInputs(
  warehouse: Warehouse,
  tables: readonly string[],
  conclusions: readonly Conclusion[] = [],
): Promise<void> {
  const names = [...tables, ...tables.map(lookName), ...conclusions.map(nameOf)];
  if (names.length === 0) return;
  await warehouse.run(`UPDATE ${states} SET input_digest = '' WHERE model IN (${list(names)})`);
}

/** Updates the row digests of a table after a statement of the engine has changed its rows. */
export async function digestAgain(warehouse: Warehouse, table: Table): Promise<void> {
  const own = statesOf(table.name);
  await warehouse.run(`UPDATE ${states} SET rows_digest = coalesce(rows.rows_digest, ${digestOfNothing})
    FROM ${own} AS own LEFT JOIN (${namedDigests(rowsDigests(table), own)}) AS rows USING (partition)
    WHERE ${states}.model = ${quoteText(table.name)} AND ${states}.partition = own.partition
      AND ${states}.rows_digest IS DISTINCT FROM ${quoteText(altered)}`);
}

const lookName = (model: string): string => `looked.${model}`;

/** When a model last looked at all that had changed in its sources, and by which definition. */
export interface Look {
  readonly definitionDigest: string;
  /** The run's clock, as SQL text of a TIMESTAMP. */
  readonly asOf: string;
}

/** Returns the last look of each model that has taken in its sources as a whole once. */
export async function looksOf(warehouse: Warehouse): Promise<ReadonlyMap<string, Look>> {
  const rows = await warehouse.rows<{ model: string; input_digest: string; rows_digest: string }>(
    `SELECT model, input_digest, rows_digest FROM ${states}
      WHERE starts_with(model, ${quoteText(lookName(''))}) AND rows_digest IS NOT NULL`,
  );
  return new Map(
    rows.map(({ model, input_digest, rows_digest }) => [
      model.slice(lookName('').length),
      { definitionDigest: input_digest, asOf: rows_digest },
    ]),
  );
}

export async function recordLook(
  warehouse: Warehouse,
  model: string,
  { definitionDigest, runId }: { readonly definitionDigest: string; readonly runId: string },
): Promise<void> {
  await forgetLook(warehouse, model);
  await warehouse.run(`INSERT INTO ${states} (model, partition, input_digest, run_id, rows_digest)
    VALUES (${[lookName(model), '', definitionDigest, runId].map(quoteText).join(', ')}, cast(${clockSql} as VARCHAR))`);
}

/** Makes a model look at everything again. */
export async function forgetLook(warehouse: Warehouse, model: string): Promise<void> {
  await warehouse.run(`DELETE FROM ${states} WHERE model = ${quoteText(lookName(model))}`);
}

/** True if a table has rows older than any run, which no run may replace. */
export const hasKept = async (warehouse: Warehouse, table: string): Promise<boolean> =>
  (await warehouse.rows(`FROM ${statesOf(keptName(table))} LIMIT 1`)).length > 0;

/** A conclusion about a whole node: a model is up to date, a test passes, an export is written. */
export interface Conclusion {
  readonly kind: 'model' | 'test' | 'export';
  readonly name: string;
}

const nameOf = ({ kind, name }: Conclusion): string => `${kind}.${name}`;

/** Returns the digest that a conclusion was drawn from; for an export, `rows_digest` is the digest of its file. */
export async function recordedConclusion(
  warehouse: Warehouse,
  conclusion: Conclusion,
): Promise<{ readonly input_digest: string; readonly rows_digest: string | null } | undefined> {
  const [row] = await warehouse.rows<{ input_digest: string; rows_digest: string | null }>(
    `SELECT input_digest, rows_digest FROM ${statesOf(nameOf(conclusion))}`,
  );
  return row;
}

/** Replaces a conclusion; without a digest it is withdrawn until it is drawn again. */
export async function recordConclusion(
  warehouse: Warehouse,
  conclusion: Conclusion,
  digest: string | undefined,
  { runId, fileDigest }: { readonly runId: string; readonly fileDigest?: string },
): Promise<void> {
  const name = nameOf(conclusion);
  await warehouse.run(`DELETE FROM ${states} WHERE model = ${quoteText(name)}`);
  if (digest === undefined) return;
  const values = [name, '', digest, runId].map(quoteText);
  await warehouse.run(`INSERT INTO ${states} (model, partition, input_digest, run_id, rows_digest)
    VALUES (${[...values, fileDigest === undefined ? 'NULL' : quoteText(fileDigest)].join(', ')})`);
}

/** Drops all conclusions: states record what runs did, not what another program wrote to the tables. */
export async function forgetConclusions(warehouse: Warehouse): Promise<void> {
  await warehouse.run(`DELETE FROM ${states} WHERE contains(model, '.') AND NOT starts_with(model, 'kept.')
    AND NOT starts_with(model, 'looked.')`);
}

/** Returns the partitions of these tables that another program changed and that have not been rebuilt, in order. */
export async function alteredPartitions(
  warehouse: Warehouse,
  tables: readonly string[],
): Promise<readonly { readonly table: string; readonly partition: string }[]> {
  if (tables.length === 0) return [];
  return warehouse.rows<{ table: string; partition: string }>(`SELECT model AS "table", partition FROM ${states}
    WHERE model IN (${list(tables)}) AND rows_digest = ${quoteText(altered)} ORDER BY ALL`);
}

/** The name for the partitions of a table that are older than any run and that no run builds. */
const keptName = (table: string): string => `kept.${table}`;

/**
 * SQL relation: `partition`, `rows_digest`, `kept` (older than any run) and `is_altered` of all known partitions of a
 * table.
 */
export const knownPartitions = (table: string): string => `(SELECT DISTINCT ON (partition)
    partition, rows_digest, model <> ${quoteText(table)} AS kept, rows_digest = ${quoteText(altered)} AS is_altered
    FROM ${states} WHERE model IN (${list([table, keptName(table)])}) ORDER BY kept)`;

/**
 * Marks partitions of a table whose rows differ from what was published, so that the model or feed that writes them
 * rebuilds them. No run can rebuild kept partitions, so their digests are replaced.
 * @param changed SQL relation: `partition`, `rows_digest` of the rows found, and `kept`, NULL if it was not known
 */
export async function markAltered(
  warehouse: Warehouse,
  table: string,
  { changed, runId }: { readonly changed: string; readonly runId: string },
): Promise<void> {
  const [model, kept, mark] = [table, keptName(table), altered].map(quoteText);
  await warehouse.run(`UPDATE ${states} SET input_digest = '', rows_digest = ${mark}
    FROM ${changed} AS changed WHERE ${states}.model = ${model} AND NOT changed.kept
      AND ${states}.partition = changed.partition`);
  await warehouse.run(`INSERT INTO ${states} BY NAME
    SELECT ${model} AS model, partition, '' AS input_digest, ${quoteText(runId)} AS run_id, ${mark} AS rows_digest
    FROM ${changed} WHERE kept IS NULL`);
  await warehouse.run(`UPDATE ${states} SET rows_digest = coalesce(changed.rows_digest, ${digestOfNothing})
    FROM ${changed} AS changed WHERE ${states}.model = ${kept} AND changed.kept
      AND ${states}.partition = changed.partition`);
}

/**
 * Records the digests of a table's current rows as they are; partitions without a state are older than any run, and are
 * kept.
 */
export async function adoptPartitions(warehouse: Warehouse, table: Table): Promise<void> {
  await digestAgain(warehouse, table);
  const kept = quoteText(keptName(table.name));
  const own = statesOf(table.name);
  await warehouse.run(`DELETE FROM ${states} WHERE model = ${kept}`);
  await warehouse.run(`INSERT INTO ${states} BY NAME
    SELECT ${kept} AS model, partition, '' AS input_digest, '' AS run_id, rows_digest
    FROM (${namedDigests(rowsDigests(table), own)}) ANTI JOIN ${own} USING (partition)`);
}
