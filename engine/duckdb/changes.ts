/**
 * The changes since a model last looked. A publication compares the rows that it replaces with those that replace them,
 * and notes for each model that reads the table which values of its map they differ in, in the same transaction. So the
 * work that a model has follows from the changes, not from a scan of its sources.
 */
import { partitionTextSql, partitionValueSql } from '../partition-text.ts';
import { pendingChanges } from '../schema/system.ts';
import type { Table } from '../schema/table.ts';
import { quoteName, quoteText } from '../sql.ts';
import { partitionColumns } from './ddl.ts';
import { isDay, mappedValue, type Source } from './partition-map.ts';
import { forgetLook, looksOf } from './state.ts';
import type { Warehouse } from './warehouse.ts';

const pending = quoteName(pendingChanges.name);

/** A model for which changes of its sources are noted. */
export interface Reader {
  readonly table: Table;
  readonly sources: readonly Source[];
  readonly definitionDigest: string;
}

/** SQL relation: the pending changes of a source of a model, as `part`. */
const pendingOf = (model: string, source: string): string =>
  `(SELECT DISTINCT part FROM ${pending} WHERE model = ${quoteText(model)} AND source = ${quoteText(source)})`;

/** The columns by which changed rows are noted, as SQL with their types; `alias` is the source's. */
function keyOf({ table }: Reader, { map, table: source }: Source, alias: string) {
  if (map.kind === 'columns' && map.isComplete) {
    const parts = partitionColumns(table);
    return map.parts.map((mapped) => {
      const part = parts[mapped.at] as (typeof parts)[number];
      return { expression: mappedValue(mapped, part, alias), type: part.type };
    });
  }
  const columns = map.kind === 'through' ? map.on : map.kind === 'days' ? [map.from, map.until] : [];
  return columns.map((column) => ({
    expression: `${alias}.${quoteName(column)}`,
    type: source.columns[column]?.type ?? 'VARCHAR',
  }));
}

/**
 * Replaces rows of a table and notes the changes for its readers. A model that was never built looks at everything
 * anyway; one that was last built by another definition is made to, since what it read is not known.
 * @param of SQL: a join that restricts the table, under its own name, to the rows that may change; by default none
 */
export async function noteChanges<T>(
  warehouse: Warehouse,
  table: Table,
  readers: readonly Reader[],
  of: string,
  replace: () => Promise<T>,
): Promise<T> {
  const looks = await looksOf(warehouse);
  const noted: { readonly reader: Reader; readonly source: Source; readonly before: string }[] = [];
  for (const reader of readers) {
    const sources = reader.sources.filter((source) => source.table.name === table.name);
    const look = looks.get(reader.table.name);
    if (look === undefined || sources.length === 0) continue;
    if (look.definitionDigest !== reader.definitionDigest) {
      await forgetLook(warehouse, reader.table.name);
      continue;
    }
    for (const source of sources) {
      const before = `"$before ${noted.length + 1}"`;
      await warehouse.run(`CREATE OR REPLACE TEMP TABLE ${before} AS ${digests(reader, source, of)}`);
      noted.push({ reader, source, before });
    }
  }
  const result = await replace();
  for (const { reader, source, before } of noted) {
    await warehouse.run(`INSERT INTO ${pending} BY NAME
      SELECT DISTINCT ${quoteText(reader.table.name)} AS model, ${quoteText(source.name)} AS source, part
      FROM (${changedParts(reader, source, before, digests(reader, source, of))})
      ANTI JOIN ${pendingOf(reader.table.name, source.name)} USING (part)`);
    await warehouse.run(`DROP TABLE ${before}`);
  }
  return result;
}

/** SQL: each key that rows have, `k1` …, with the number of rows and a digest of what the model reads of them. */
function digests(reader: Reader, source: Source, of: string): string {
  const name = quoteName(source.table.name);
  const keys = keyOf(reader, source, name).map(({ expression }, at) => `${expression} AS k${at + 1}`);
  const map = source.map;
  const inKey = map.kind === 'days' ? [map.from, map.until] : [];
  const read = source.columns
    .filter((column) => !inKey.includes(column))
    .map((column) => `${name}.${quoteName(column)}`);
  const hash = read.length === 0 ? '0' : `hash(${read.join(', ')})`;
  // The rows of days are told apart, so that only the days in which they differ count.
  const row = map.kind === 'days' ? [`${hash} AS row`] : [];
  const digest = map.kind === 'days' ? '0' : `coalesce(sum(${hash}), 0)`;
  const columns = [...keys, ...row, 'count(*) AS rows', `${digest} AS digest`];
  return `SELECT ${columns.join(', ')} FROM ${name} ${of} GROUP BY ALL`;
}

/** SQL: the `part` of each key whose rows differ before and after. */
function changedParts(reader: Reader, source: Source, before: string, after: string): string {
  const keys = keyOf(reader, source, '').map(({ type }, at) => ({ expression: `k${at + 1}`, type }));
  const names = [...keys.map(({ expression }) => expression), ...(source.map.kind === 'days' ? ['row'] : [])];
  const both = `SELECT * FROM ${before} UNION ALL SELECT * REPLACE (-rows AS rows, -digest AS digest) FROM (${after})`;
  const grouped = names.length === 0 ? '' : `GROUP BY ${names.join(', ')}`;
  const changed = `SELECT ${[...names, 'sum(rows) AS rows'].join(', ')} FROM (${both}) ${grouped}
    HAVING sum(rows) <> 0 OR sum(digest) <> 0`;
  if (source.map.kind !== 'days') return `SELECT ${partitionTextSql(keys)} AS part FROM (${changed})`;
  return `WITH
    ends AS (SELECT row, k1 AS day, rows FROM (${changed}) UNION ALL SELECT row, k2 + 1 AS day, -rows FROM (${changed})),
    net AS (SELECT row, day, sum(rows) AS rows FROM ends GROUP BY ALL HAVING sum(rows) <> 0),
    spans AS (SELECT day, lead(day) OVER w AS next, sum(rows) OVER w AS rows FROM net WINDOW w AS (PARTITION BY row ORDER BY day))
    SELECT cast(unnest(generate_series(day, next - 1, INTERVAL 1 DAY)) as DATE)::VARCHAR AS part FROM spans WHERE rows <> 0`;
}

/** Notes that everything a table has may have changed, for the models that read it. */
export async function noteAll(warehouse: Warehouse, table: string, readers: readonly Reader[]): Promise<void> {
  for (const reader of readers)
    if (reader.sources.some((source) => source.table.name === table)) await forgetLook(warehouse, reader.table.name);
}

/**
 * Returns SQL for the partitions, `part1` …, that the pending changes of a model reach; undefined if they can reach every
 * one.
 */
export async function reachedPartitions(warehouse: Warehouse, reader: Reader): Promise<string | undefined> {
  const model = reader.table.name;
  const parts = partitionColumns(reader.table);
  const rows = await warehouse.rows<{ source: string }>(
    `SELECT DISTINCT source FROM ${pending} WHERE model = ${quoteText(model)}`,
  );
  const changed = new Set(rows.map(({ source }) => source));
  const read = (text: string) =>
    parts.map(({ type }, at) => `${partitionValueSql(text, at + 1, type)} AS part${at + 1}`).join(', ');
  const reached = changed.has('') ? [`SELECT ${read('part')} FROM ${pendingOf(model, '')}`] : [];
  for (const source of reader.sources) {
    if (!changed.has(source.name)) continue;
    const { map, name } = source;
    if (map.kind === 'whole') return undefined;
    if (map.kind === 'days') reached.push(`SELECT cast(part as DATE) AS part1 FROM ${pendingOf(model, name)}`);
    if (map.kind === 'columns') {
      if (!map.isComplete) return undefined;
      reached.push(daysOn(`SELECT ${read('part')} FROM ${pendingOf(model, name)}`, reader, map.daysBack));
    }
    if (map.kind === 'through') {
      const via = reader.sources.find((other) => other.name === map.table);
      if (via?.map.kind !== 'columns' || !via.map.isComplete) return undefined;
      const alias = quoteName(via.table.name);
      const values = keyOf(reader, via, alias).map(({ expression }, at) => `${expression} AS part${at + 1}`);
      const key = map.on.map((column) => ({
        expression: `${alias}.${quoteName(column)}`,
        type: via.table.columns[column]?.type ?? 'VARCHAR',
      }));
      reached.push(
        daysOn(
          `SELECT DISTINCT ${values.join(', ')} FROM ${alias} SEMI JOIN ${pendingOf(model, name)} AS changed
            ON ${partitionTextSql(key)} = changed.part`,
          reader,
          via.map.daysBack,
        ),
      );
    }
  }
  const none = parts.map(({ type }, at) => `NULL::${type} AS part${at + 1}`);
  const nothing = `SELECT ${none.join(', ') || '1 AS none'} WHERE false`;
  return reached.length === 0 ? nothing : reached.join(' UNION ');
}

/** SQL: the partitions, and those up to so many days later. */
function daysOn(partitions: string, { table }: Reader, days: number): string {
  if (days === 0) return partitions;
  const columns = partitionColumns(table).map((part, at) => {
    const name = `part${at + 1}`;
    return isDay(part) ? `${name} + later AS ${name}` : name;
  });
  return `SELECT ${columns.join(', ')} FROM (${partitions}), (SELECT range::INTEGER AS later FROM range(${days + 1}))`;
}

/** Takes the pending changes of a model as seen, but for partitions that are left to build: a relation with `partition`. */
export async function settleChanges(warehouse: Warehouse, model: string, left: string): Promise<void> {
  const name = quoteText(model);
  await warehouse.run(`DELETE FROM ${pending} WHERE model = ${name}`);
  await warehouse.run(`INSERT INTO ${pending} BY NAME
    SELECT DISTINCT ${name} AS model, '' AS source, partition AS part FROM ${left}`);
}
