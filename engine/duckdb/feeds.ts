import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { csvLine } from '../csv-line.ts';
import { PipelineError } from '../errors.ts';
import type { TableFeed } from '../extract.ts';
import { isPartitionTextSql, partitionValueSql } from '../partition-text.ts';
import type { Table } from '../schema/table.ts';
import { quoteName, quoteText } from '../sql.ts';
import { noteChanges, type Reader } from './changes.ts';
import { partitionColumns } from './ddl.ts';
import { namedDigests, rowsDigests } from './rows-digest.ts';
import { builtPartitions, recordPartitions, statesOf } from './state.ts';
import type { Warehouse } from './warehouse.ts';

/**
 * Loads one table of an extract, in one transaction: replaces the partitions whose digest differs from the recorded one
 * and removes those that the extract no longer has. Returns how many changed.
 */
export async function loadFeed(
  warehouse: Warehouse,
  table: Table,
  feed: TableFeed,
  options: { readonly directory: string; readonly runId: string; readonly readers: readonly Reader[] },
): Promise<number> {
  const before = await builtPartitions(warehouse, table.name);
  const changed = new Set<string>();
  for (const [partition, digest] of feed.partitions) if (before.get(partition) !== digest) changed.add(partition);
  const gone = [...before.keys()].filter((partition) => !feed.partitions.has(partition));
  if (changed.size === 0 && gone.length === 0) return 0;

  const rowsFile = path.join(options.directory, `${table.name}.csv`);
  const stateFile = path.join(options.directory, `${table.name}.partitions.csv`);
  await feed.writeCsv(changed, rowsFile);
  await writeState(stateFile, changed, gone, feed.partitions);
  try {
    await warehouse.transaction(async () => {
      await warehouse.run(`CREATE OR REPLACE TEMP TABLE ${changedPartitions} AS
        FROM read_csv(${quoteText(stateFile)}, ${csvFormat},
          columns = { 'partition': 'VARCHAR', 'input_digest': 'VARCHAR' })`);
      const rows = `FROM read_csv(${quoteText(rowsFile)}, ${csvFormat}, columns = {${csvColumns(table)}})`;
      const nothingStays = [...before.keys()].every(
        (partition) => changed.has(partition) || !feed.partitions.has(partition),
      );
      const isWhole = nothingStays || partitionColumns(table).length === 0;
      if (isWhole) {
        await noteChanges(warehouse, table, options.readers, '', async () => {
          await warehouse.run(`TRUNCATE ${quoteName(table.name)}`);
          await warehouse.run(`INSERT INTO ${quoteName(table.name)} BY NAME ${rows}`);
        });
        await checkNamed(warehouse, table, quoteName(table.name));
      } else {
        await warehouse.run(`CREATE OR REPLACE TEMP TABLE ${newRows} AS ${rows}`);
        await checkNamed(warehouse, table, newRows);
        await warehouse.run(`CREATE OR REPLACE TEMP TABLE ${replaced} AS ${replacedParts(table)}`);
        await noteChanges(warehouse, table, options.readers, ofReplaced(table), async () => {
          await warehouse.run(deleteReplaced(table));
          await warehouse.run(`INSERT INTO ${quoteName(table.name)} BY NAME FROM ${newRows}`);
        });
        await warehouse.run(`DROP TABLE ${replaced}`);
      }
      const digests = namedDigests(rowsDigests(table, isWhole ? {} : { from: newRows }), changedPartitions);
      await recordPartitions(warehouse, table.name, { changed: changedPartitions, digests, runId: options.runId });
      if (!isWhole) await warehouse.run(`DROP TABLE ${newRows}`);
    });
  } finally {
    await rm(rowsFile, { force: true });
    await rm(stateFile, { force: true });
  }
  return changed.size + gone.length;
}

/** An empty field is NULL, a quoted one an empty string. */
const csvFormat = `header = true, auto_detect = false, delim = ',', quote = '"', escape = '"', allow_quoted_nulls = false`;

const csvColumns = (table: Table): string =>
  Object.entries(table.columns)
    .map(([name, column]) => `${quoteText(name)}: ${quoteText(column.type)}`)
    .join(', ');

const changedPartitions = '"$changed_partitions"';
const newRows = '"$new_rows"';

/**
 * Returns the partitions of the table's rows, `part1` …, each with the `partition` text that the feed uses for it: the
 * text that parses to the same values, however it spells a number or a time; otherwise the values joined as they are,
 * as extracts without `partitionText` name them. NULL if the feed has neither.
 */
function namedPartitions(table: Table, rows: string): string {
  const columns = partitionColumns(table).map((column, at) => ({ ...column, part: `part${at + 1}` }));
  const parts = columns.map(({ part, expression }) => `${expression} AS ${part}`);
  const joined = columns.map(({ expression }) => `coalesce(cast(${expression} as VARCHAR), '')`).join(`, '/', `);
  const values = columns.map(({ part, type }, at) => `${partitionValueSql('partition', at + 1, type)} AS ${part}`);
  const types = columns.map(({ type }) => type);
  const same = columns.map(({ part }) => `lying.${part} IS NOT DISTINCT FROM spelled.${part}`);
  return `(WITH
    known AS (SELECT partition FROM ${statesOf(table.name)} UNION SELECT partition FROM ${changedPartitions}),
    spelled AS (SELECT ${['partition', ...values].join(', ')} FROM known WHERE ${isPartitionTextSql('partition', types)}),
    lying AS (SELECT ${[...parts, `concat(${joined}) AS joined`].join(', ')} FROM ${rows} AS ${quoteName(table.name)} GROUP BY ALL)
    SELECT lying.*, coalesce(spelled.partition, known.partition) AS partition FROM lying
    LEFT JOIN spelled ON ${same.join(' AND ')} LEFT JOIN known ON known.partition = lying.joined)`;
}

/**
 * Rows of a partition that is not replaced would appear twice.
 * @throws PipelineError MODULE_INVALID naming the first partition that the feed has rows of but did not name
 */
async function checkNamed(warehouse: Warehouse, table: Table, rows: string): Promise<void> {
  if (partitionColumns(table).length === 0) return;
  const [unnamed] = await warehouse.rows<{ joined: string }>(`SELECT joined FROM ${namedPartitions(table, rows)}
    WHERE partition IS NULL OR partition NOT IN (SELECT partition FROM ${changedPartitions}) ORDER BY ALL LIMIT 1`);
  if (unnamed === undefined) return;
  throw new PipelineError('MODULE_INVALID', `the feed of ${table.name} has rows of a partition that it did not name`, {
    value: unnamed.joined,
    hint: 'name each partition with partitionText(…) of its values, and write only the rows of requested partitions',
  });
}

const replaced = '"$replaced_partitions"';
const replacedAlias = '"$replaced"';

/** SQL: `part1` … of the partitions that are replaced: they have rows now, or will have. */
function replacedParts(table: Table): string {
  const parts = partitionColumns(table).map((_, at) => `part${at + 1}`);
  const of = (rows: string) => `SELECT ${parts.join(', ')} FROM ${namedPartitions(table, rows)}
    WHERE partition IN (SELECT partition FROM ${changedPartitions})`;
  return `${of(quoteName(table.name))} UNION ${of(newRows)}`;
}

const inReplaced = (table: Table): string =>
  partitionColumns(table)
    .map(({ expression }, at) => `${expression} IS NOT DISTINCT FROM ${replacedAlias}.part${at + 1}`)
    .join(' AND ');

const ofReplaced = (table: Table): string => `SEMI JOIN ${replaced} AS ${replacedAlias} ON ${inReplaced(table)}`;

const deleteReplaced = (table: Table): string =>
  `DELETE FROM ${quoteName(table.name)} USING ${replaced} AS ${replacedAlias} WHERE ${inReplaced(table)}`;

async function writeState(
  file: string,
  changed: ReadonlySet<string>,
  gone: readonly string[],
  digests: ReadonlyMap<string, string>,
): Promise<void> {
  const lines = [...changed].map((partition) => csvLine([partition, digests.get(partition) ?? '']));
  const left = gone.map((partition) => csvLine([partition, null]));
  await writeFile(file, [csvLine(['partition', 'input_digest']), ...lines, ...left].join(''));
}
