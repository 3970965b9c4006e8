import { PipelineError } from '../errors.ts';
import { countOf } from '../format.ts';
import { quoteName } from '../sql.ts';
import type { CompiledModel } from './compiled-model.ts';
import { dropAside, newRows, putAside } from './replace.ts';
import { rowsDigests } from './rows-digest.ts';
import type { Row, Warehouse } from './warehouse.ts';

/**
 * Compares a table with what its query returns when the whole table is built at once. Columns that are computed with the
 * clock do not count. Returns the number of partitions that were compared.
 * @throws PipelineError SOURCES_INVALID naming the partitions and rows that differ
 */
export async function verifyModel(warehouse: Warehouse, model: CompiledModel): Promise<number> {
  const { table, clockColumns: without } = model;
  await putAside(warehouse, table, model.querySql);
  try {
    const digests = { built: rowsDigests(table, { from: newRows, without }), stored: rowsDigests(table, { without }) };
    const both = `(SELECT partition, rows_digest FROM (${digests.built})) AS built
      FULL JOIN (SELECT partition, rows_digest FROM (${digests.stored})) AS stored USING (partition)`;
    const differing = await warehouse.rows<{ partition: string }>(
      `SELECT partition FROM ${both} WHERE built.rows_digest IS DISTINCT FROM stored.rows_digest ORDER BY partition`,
    );
    if (differing.length > 0) throw await differs(warehouse, model, differing);
    const { count } = await warehouse.row<{ count: bigint }>(`SELECT count(*) AS count FROM ${both}`);
    return Number(count);
  } finally {
    await dropAside(warehouse);
  }
}

const shown = 3;

async function differs(
  warehouse: Warehouse,
  { name, table, clockColumns }: CompiledModel,
  differing: readonly { readonly partition: string }[],
): Promise<PipelineError> {
  const columns = Object.keys(table.columns)
    .filter((column) => !clockColumns.includes(column))
    .map(quoteName)
    .join(', ');
  const only = (one: string, other: string) =>
    warehouse.rows(
      `SELECT ${columns} FROM ${one} EXCEPT ALL SELECT ${columns} FROM ${other} ORDER BY ALL LIMIT ${shown}`,
    );
  const text = (rows: readonly Row[]) => rows.map((row) => `\n    ${lineOf(row)}`).join('');
  const stored = text(await only(quoteName(name), newRows));
  const built = text(await only(newRows, quoteName(name)));
  const partitions = differing.slice(0, shown).map(({ partition }) => partition || 'all of it');
  const more = differing.length > shown ? ` and ${differing.length - shown} more` : '';
  return new PipelineError(
    'SOURCES_INVALID',
    `${name} differs from a full build in ${countOf(differing.length, 'partition')}: ${partitions.join(', ')}${more}` +
      `${stored && `\n  stored:${stored}`}${built && `\n  built:${built}`}`,
    {
      key: name,
      hint: 'its query reads more than its sources say, or gives other rows each time; correct the model, and build it again with --full-refresh',
    },
  );
}

const lineOf = (row: Row): string =>
  Object.entries(row)
    .map(([name, value]) => `${name}=${value instanceof Date ? value.toISOString() : String(value)}`)
    .join(' ');
