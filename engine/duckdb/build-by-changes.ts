import { PipelineError } from '../errors.ts';
import { countOf } from '../format.ts';
import { quoteName, quoteText } from '../sql.ts';
import { noteChanges, type Reader, settleChanges } from './changes.ts';
import type { CompiledModel } from './compiled-model.ts';
import { partitionColumns } from './ddl.ts';
import {
  type DirtyPartitions,
  dirtyAlias,
  dirtyPartitions,
  findReplaced,
  inDirty,
  inputPartitions,
  leaveUnchanged,
  leftPartitions,
  readParts,
  recordDirty,
  withdrawEmpty,
} from './partitions.ts';
import { createPruned } from './pruned.ts';
import { dropAside, newRows, putAside, removeAltered, replaceByAside, replacePartitions } from './replace.ts';
import { rowsDigests } from './rows-digest.ts';
import { recordLook, sameAs, statesOf } from './state.ts';
import type { Warehouse } from './warehouse.ts';

/** The dirty partitions and the witnesses, whose rows are computed. */
const building = '"$building"';

/**
 * Brings a model up to date with the changes of its sources, inside the caller's transaction. Returns how many
 * partitions were replaced, and the number of their new rows.
 *
 * A partition whose rows come out as they are stays untouched, so that a change and its undoing build nothing. And two
 * partitions that no change reaches are computed as well, the witnesses: if one comes out otherwise, the model reads more
 * than its sources say, and nothing is published.
 */
export async function buildByChanges(
  warehouse: Warehouse,
  model: CompiledModel,
  dirty: DirtyPartitions,
  { runId, readers }: { readonly runId: string; readonly readers: readonly Reader[] },
): Promise<{ readonly rows: number; readonly partitions: number }> {
  const built = dirty.all
    ? await rebuild(warehouse, model, runId, readers)
    : await rebuildSome(warehouse, model, dirty, runId, readers);
  if (dirty.complete) {
    await settleChanges(warehouse, model.name, leftPartitions);
    await recordLook(warehouse, model.name, { definitionDigest: model.definitionDigest, runId });
  }
  return built;
}

async function rebuild(warehouse: Warehouse, model: CompiledModel, runId: string, readers: readonly Reader[]) {
  const { table, querySql, readsItself } = model;
  if (readsItself) await removeAltered(warehouse, table);
  const rows = await noteChanges(warehouse, table, readers, '', () =>
    replacePartitions(warehouse, table, querySql, { all: true, readsItself, confined: false, counted: false }),
  );
  const partitions = await findReplaced(warehouse, model);
  await recordDirty(warehouse, table, { all: true, runId });
  return { rows, partitions };
}

async function rebuildSome(
  warehouse: Warehouse,
  model: CompiledModel,
  dirty: DirtyPartitions,
  runId: string,
  readers: readonly Reader[],
) {
  if (dirty.dirty === 0) return { rows: 0, partitions: 0 };
  const { table, readsItself } = model;
  if (readsItself) await removeAltered(warehouse, table);
  const witnesses = await findWitnesses(warehouse, model);
  await createPruned(warehouse, model, building);
  await putAside(warehouse, table, model.prunedSql);
  for (const witness of witnesses) await compareWitness(warehouse, model, witness);
  const unchanged = await leaveUnchanged(warehouse, unchangedPartitions(model));
  const partitions = dirty.dirty - unchanged;
  if (partitions === 0) {
    await dropAside(warehouse);
    return { rows: 0, partitions };
  }
  const of = `SEMI JOIN ${dirtyPartitions} AS ${dirtyAlias} ON ${inDirty(table)}`;
  const rows = await noteChanges(warehouse, table, readers, of, () => replaceByAside(warehouse, table));
  await dropAside(warehouse);
  await withdrawEmpty(warehouse, table);
  await recordDirty(warehouse, table, { all: false, runId });
  return { rows, partitions };
}

/** Digests of rows in all columns that do not differ from run to run. */
const lastingDigests = ({ table, clockColumns }: CompiledModel, from?: string) =>
  rowsDigests(table, {
    ...(from !== undefined && { from }),
    without: clockColumns,
    ...(from === undefined && { of: `SEMI JOIN ${building} AS ${dirtyAlias} ON ${inDirty(table)}` }),
  });

/** SQL: the dirty partitions that were built by this definition and whose new rows are those that they have. */
const unchangedPartitions = (model: CompiledModel): string =>
  `SELECT partition FROM (SELECT partition, rows_digest FROM (${lastingDigests(model, newRows)})
      INTERSECT SELECT partition, rows_digest FROM (${lastingDigests(model)}))
    SEMI JOIN ${sameAs(model.name, model.definitionDigest)} USING (partition)
    UNION ALL
    SELECT partition FROM ${dirtyPartitions} ANTI JOIN ${statesOf(model.name)} USING (partition)
    WHERE partition NOT IN (SELECT partition FROM (${lastingDigests(model, newRows)}))
      AND partition NOT IN (SELECT partition FROM (${lastingDigests(model)}))`;

/**
 * Creates `building`: the dirty partitions and the witnesses, which are returned: of those that were built by this
 * definition and that nothing has reached since, the last one before the last dirty partition, and the first one after it.
 * The latter looks back on what has changed if the sources say too few days.
 */
async function findWitnesses(warehouse: Warehouse, model: CompiledModel): Promise<readonly string[]> {
  const columns = partitionColumns(model.table);
  const unreached = `(FROM ${sameAs(model.name, model.definitionDigest)} ANTI JOIN ${inputPartitions} USING (partition))`;
  const last = `(SELECT max(partition) FROM ${dirtyPartitions})`;
  const rows = await warehouse.rows<{ partition: string | null }>(`
    SELECT max(partition) AS partition FROM ${unreached} WHERE partition < ${last}
    UNION ALL SELECT min(partition) FROM ${unreached} WHERE partition > ${last}`);
  const witnesses = rows.flatMap(({ partition }) => partition ?? []);
  await warehouse.run(
    `CREATE OR REPLACE TEMP TABLE ${building} AS SELECT * EXCLUDE (input_digest) FROM ${dirtyPartitions}`,
  );
  for (const witness of witnesses)
    await warehouse.run(`INSERT INTO ${building} BY NAME SELECT partition, ${readParts('partition', columns)}
      FROM (SELECT ${quoteText(witness)} AS partition)`);
  return witnesses;
}

/** @throws PipelineError SOURCES_INVALID if a witness comes out other than it is stored */
async function compareWitness(warehouse: Warehouse, model: CompiledModel, witness: string): Promise<void> {
  const name = quoteText(witness);
  const digestOf = async (digests: string) =>
    (await warehouse.rows<{ rows_digest: string }>(`SELECT rows_digest FROM (${digests}) WHERE partition = ${name}`))[0]
      ?.rows_digest;
  const stored = await digestOf(lastingDigests(model));
  const computed = await digestOf(lastingDigests(model, newRows));
  if (stored === computed) return;
  const columns = Object.keys(model.table.columns).filter((column) => !model.clockColumns.includes(column));
  const rowsIn = (rows: string) =>
    `SELECT ${columns.map(quoteName).join(', ')} FROM ${rows} AS ${quoteName(model.name)}
      SEMI JOIN (FROM ${building} WHERE partition = ${name}) AS ${dirtyAlias} ON ${inDirty(model.table)}`;
  const differing = await warehouse.rows(
    `(${rowsIn(quoteName(model.name))}) EXCEPT ALL (${rowsIn(newRows)}) ORDER BY ALL`,
  );
  const example =
    differing[0] === undefined
      ? ''
      : `, e.g. ${JSON.stringify(differing[0], (_, value) => (typeof value === 'bigint' ? String(value) : value))}`;
  throw new PipelineError(
    'SOURCES_INVALID',
    `${model.name} was computed again for ${witness}, which no change has reached, and came out with other rows: ${countOf(differing.length, 'row')} of those stored are not among them${example}`,
    {
      key: model.name,
      value: witness,
      hint: 'its query reads more than its sources say, such as earlier days (looksBack), or gives other rows each time; correct the model, and build it again with --full-refresh',
    },
  );
}
