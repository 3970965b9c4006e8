import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { TableFeed } from '../extract.ts';
import { partitionColumns } from '../schema/ddl.ts';
import type { Table } from '../schema/table.ts';
import { quoteName, quoteText } from '../sql.ts';
import type { Warehouse } from './warehouse.ts';

/**
 * Takes over what an extract has for one of its tables: partitions whose digest differs from partition_state are
 * replaced, those that the extract no longer has are removed, in one transaction. Returns how many changed.
 */
export async function loadFeed(
  warehouse: Warehouse,
  table: Table,
  feed: TableFeed,
  options: { readonly directory: string; readonly runId: string },
): Promise<number> {
  const built = await warehouse.rows<{ partition: string; input_digest: string }>(
    `SELECT partition, input_digest FROM partition_state WHERE model = ${quoteText(table.name)}`,
  );
  const before = new Map(built.map((row) => [row.partition, row.input_digest]));
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
      await warehouse.run(`CREATE OR REPLACE TEMP TABLE changed_partitions AS
        FROM read_csv(${quoteText(stateFile)}, ${csvFormat},
          columns = { 'partition': 'VARCHAR', 'input_digest': 'VARCHAR' })`);
      const nothingStays = [...before.keys()].every(
        (partition) => changed.has(partition) || !feed.partitions.has(partition),
      );
      await warehouse.run(nothingStays ? `TRUNCATE ${quoteName(table.name)}` : deleteChanged(table));
      await warehouse.run(`INSERT INTO ${quoteName(table.name)} BY NAME FROM read_csv(${quoteText(rowsFile)},
        ${csvFormat}, columns = {${csvColumns(table)}})`);
      await warehouse.run(`DELETE FROM partition_state USING changed_partitions AS changed
        WHERE partition_state.model = ${quoteText(table.name)} AND partition_state.partition = changed.partition`);
      await warehouse.run(`INSERT INTO partition_state BY NAME
        SELECT ${quoteText(table.name)} AS model, partition, input_digest, ${quoteText(options.runId)} AS run_id
        FROM changed_partitions WHERE input_digest IS NOT NULL`);
    });
  } finally {
    await rm(rowsFile, { force: true });
    await rm(stateFile, { force: true });
  }
  return changed.size + gone.length;
}

/** An empty field is NULL, a quoted one an empty text. */
const csvFormat = `header = true, auto_detect = false, delim = ',', quote = '"', escape = '"', allow_quoted_nulls = false`;

const csvColumns = (table: Table): string =>
  Object.entries(table.columns)
    .map(([name, column]) => `${quoteText(name)}: ${quoteText(column.type)}`)
    .join(', ');

function deleteChanged(table: Table): string {
  const parts = partitionColumns(table).map((column) => `cast(${column.expression} as VARCHAR)`);
  const partition = parts.length === 0 ? "''" : `concat(${parts.join(", '/', ")})`;
  return `DELETE FROM ${quoteName(table.name)} WHERE ${partition} IN (SELECT partition FROM changed_partitions)`;
}

async function writeState(
  file: string,
  changed: ReadonlySet<string>,
  gone: readonly string[],
  digests: ReadonlyMap<string, string>,
): Promise<void> {
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const lines = [...changed].map((partition) => `${quoted(partition)},${quoted(digests.get(partition) ?? '')}`);
  await writeFile(
    file,
    ['partition,input_digest', ...lines, ...gone.map((partition) => `${quoted(partition)},`), ''].join('\n'),
  );
}
