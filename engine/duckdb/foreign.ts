import { systemTables } from '../schema/system.ts';
import type { Schema, Table } from '../schema/table.ts';
import { quoteText } from '../sql.ts';
import { altered, digestAgain, digestOfNothing, namedDigests, rowsDigests } from './rows-digest.ts';
import type { Warehouse } from './warehouse.ts';

/** A partition that is not as a run published it. */
export interface ForeignPartition {
  readonly table: string;
  readonly partition: string;
  /** `unknown`: no run has published any such partition. */
  readonly change: 'altered' | 'missing' | 'unknown';
}

const dataTables = (tables: readonly Table[]): readonly Table[] =>
  tables.filter(({ kind = 'table' }) => kind === 'table').filter(({ name }) => !systemTables.includes(name));

/** Under this name partition_state has the partitions of a table that were there before any run, and that none builds. */
const keptName = (table: Table): string => `kept.${table.name}`;

/**
 * Compares all rows with what runs have published, partition by partition, and marks those that differ (B36): whatever
 * builds or loads them makes them anew, and until then nothing that reads them is published. Views are dirty as well, since
 * what they say is compared nowhere. Returns what differs.
 */
export async function markForeign(
  warehouse: Warehouse,
  schema: Schema,
  runId: string,
): Promise<readonly ForeignPartition[]> {
  const found: ForeignPartition[] = [];
  await warehouse.transaction(async () => {
    for (const table of dataTables(Object.values(schema))) found.push(...(await markTable(warehouse, table, runId)));
    const views = Object.values(schema).flatMap(({ name, kind }) => (kind === 'view' ? [quoteText(name)] : []));
    if (views.length > 0)
      await warehouse.run(`UPDATE partition_state SET input_digest = '' WHERE model IN (${views.join(', ')})`);
  });
  return found;
}

async function markTable(warehouse: Warehouse, table: Table, runId: string): Promise<readonly ForeignPartition[]> {
  const [model, kept, mark] = [table.name, keptName(table), altered].map(quoteText);
  const state = `(SELECT DISTINCT ON (partition) partition, model, rows_digest FROM partition_state
    WHERE model IN (${model}, ${kept}) ORDER BY model = ${model} DESC)`;
  await warehouse.run(`CREATE OR REPLACE TEMP TABLE ${foreignTable} AS
    SELECT coalesce(state.partition, rows.partition) AS partition, state.model AS model, rows.rows_digest AS rows_digest,
      CASE WHEN state.partition IS NULL THEN 'unknown'
        WHEN rows.partition IS NULL AND state.rows_digest <> ${mark} THEN 'missing' ELSE 'altered' END AS change
    FROM ${state} AS state FULL JOIN (${namedDigests(rowsDigests(table), state)}) AS rows USING (partition)
    WHERE state.rows_digest IS DISTINCT FROM coalesce(rows.rows_digest, ${digestOfNothing})`);
  const found = await warehouse.rows<Omit<ForeignPartition, 'table'>>(
    `SELECT partition, change FROM ${foreignTable} ORDER BY partition`,
  );
  if (found.length > 0) {
    await warehouse.run(`UPDATE partition_state SET input_digest = '', rows_digest = ${mark}
      FROM ${foreignTable} AS changed WHERE partition_state.model = ${model} AND changed.model = ${model}
        AND partition_state.partition = changed.partition`);
    await warehouse.run(`INSERT INTO partition_state BY NAME
      SELECT ${model} AS model, partition, '' AS input_digest, ${quoteText(runId)} AS run_id, ${mark} AS rows_digest
      FROM ${foreignTable} WHERE change = 'unknown'`);
    // Nobody can build these again: they are named, and taken as they are.
    await warehouse.run(`UPDATE partition_state SET rows_digest = coalesce(changed.rows_digest, ${digestOfNothing})
      FROM ${foreignTable} AS changed WHERE partition_state.model = ${kept} AND changed.model = ${kept}
        AND partition_state.partition = changed.partition`);
  }
  await warehouse.run(`DROP TABLE ${foreignTable}`);
  return found.map((one) => ({ table: table.name, ...one }));
}

const foreignTable = 'temp."partitions that are not as published"';

/**
 * Takes the digests of what tables hold, as it is. Rows that no state knows were there before any run: they are noted apart,
 * and stay.
 */
export async function adoptRows(warehouse: Warehouse, tables: readonly Table[]): Promise<void> {
  for (const table of dataTables(tables)) {
    await digestAgain(warehouse, table);
    const states = `(FROM partition_state WHERE model = ${quoteText(table.name)})`;
    await warehouse.run(`DELETE FROM partition_state WHERE model = ${quoteText(keptName(table))}`);
    await warehouse.run(`INSERT INTO partition_state BY NAME
      SELECT ${quoteText(keptName(table))} AS model, partition, '' AS input_digest, '' AS run_id, rows_digest
      FROM (${namedDigests(rowsDigests(table), states)}) ANTI JOIN ${states} USING (partition)`);
  }
}

/** What differs in words, a line a table: the first partitions by name, and how many there are. */
export function describeForeign(found: readonly ForeignPartition[]): readonly string[] {
  return [...Map.groupBy(found, ({ table }) => table)].map(([table, partitions]) => {
    const first = partitions.slice(0, shown).map(({ partition, change }) => `${partition || 'all of it'} (${change})`);
    const more = partitions.length - first.length;
    return `${table}: ${first.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  });
}

const shown = 3;
