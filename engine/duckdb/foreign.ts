import { systemTables } from '../schema/system.ts';
import type { Schema, Table } from '../schema/table.ts';
import { isAsLeft } from './maintain.ts';
import { digestOfNothing, namedDigests, rowsDigests } from './rows-digest.ts';
import { adoptPartitions, forgetConclusions, forgetInputs, knownPartitions, markAltered } from './state.ts';
import type { Warehouse } from './warehouse.ts';

/** A partition that differs from what a run published. */
export interface ForeignPartition {
  readonly table: string;
  readonly partition: string;
  /** `unknown`: no run has published this partition. */
  readonly change: 'altered' | 'missing' | 'unknown';
}

const dataTables = (tables: readonly Table[]): readonly Table[] =>
  tables.filter(({ kind = 'table' }) => kind === 'table').filter(({ name }) => !systemTables.includes(name));

/**
 * Runs `markForeign` if another program may have written to the file since it was noted as left. In that case nothing
 * concluded from states alone is valid.
 */
export async function markUnlessAsLeft(
  warehouse: Warehouse,
  schema: Schema,
  runId: string,
): Promise<readonly ForeignPartition[]> {
  if (isAsLeft(warehouse.file)) return [];
  await forgetConclusions(warehouse);
  return markForeign(warehouse, schema, runId);
}

/**
 * Compares all rows with what runs have published, partition by partition, and marks those that differ (B36): the model
 * or feed that writes them rebuilds them, and until then nothing that reads them is published. Views become dirty as
 * well, since their contents are not compared anywhere. Returns the differences.
 */
export async function markForeign(
  warehouse: Warehouse,
  schema: Schema,
  runId: string,
): Promise<readonly ForeignPartition[]> {
  const found: ForeignPartition[] = [];
  await warehouse.transaction(async () => {
    for (const table of dataTables(Object.values(schema))) found.push(...(await markTable(warehouse, table, runId)));
    await forgetInputs(
      warehouse,
      Object.values(schema).flatMap(({ name, kind }) => (kind === 'view' ? [name] : [])),
    );
  });
  return found;
}

async function markTable(warehouse: Warehouse, table: Table, runId: string): Promise<readonly ForeignPartition[]> {
  const known = knownPartitions(table.name);
  await warehouse.run(`CREATE OR REPLACE TEMP TABLE ${foreignTable} AS
    SELECT coalesce(known.partition, rows.partition) AS partition, known.kept AS kept, rows.rows_digest AS rows_digest,
      CASE WHEN known.partition IS NULL THEN 'unknown'
        WHEN rows.partition IS NULL AND NOT known.is_altered THEN 'missing' ELSE 'altered' END AS change
    FROM ${known} AS known FULL JOIN (${namedDigests(rowsDigests(table), known)}) AS rows USING (partition)
    WHERE known.rows_digest IS DISTINCT FROM coalesce(rows.rows_digest, ${digestOfNothing})`);
  const found = await warehouse.rows<Omit<ForeignPartition, 'table'>>(
    `SELECT partition, change FROM ${foreignTable} ORDER BY partition`,
  );
  if (found.length > 0) await markAltered(warehouse, table.name, { changed: foreignTable, runId });
  await warehouse.run(`DROP TABLE ${foreignTable}`);
  return found.map((one) => ({ table: table.name, ...one }));
}

const foreignTable = 'temp."partitions that are not as published"';

/** Records the digests of the current rows of tables as they are. */
export async function adoptRows(warehouse: Warehouse, tables: readonly Table[]): Promise<void> {
  for (const table of dataTables(tables)) await adoptPartitions(warehouse, table);
}

/** Describes the differences, one line per table: the first partitions by name, and their number. */
export function describeForeign(found: readonly ForeignPartition[]): readonly string[] {
  return [...Map.groupBy(found, ({ table }) => table)].map(([table, partitions]) => {
    const first = partitions.slice(0, shown).map(({ partition, change }) => `${partition || 'all of it'} (${change})`);
    const more = partitions.length - first.length;
    return `${table}: ${first.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  });
}

const shown = 3;
