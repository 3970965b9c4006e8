import { PipelineError } from '../errors.ts';
import type { DamagedFile, Rejected, StagedSource, Window } from '../extract.ts';
import type { Table } from '../schema/table.ts';
import { buildByChanges } from './build-by-changes.ts';
import { noteAll, noteChanges, type Reader } from './changes.ts';
import type { CompiledModel, ModelWarning } from './compiled-model.ts';
import { checkResult } from './describe.ts';
import {
  type DirtyPartitions,
  dirtyAlias,
  dirtyPartitions,
  findDirty,
  inDirty,
  leavePartitions,
  recordDirty,
} from './partitions.ts';
import { createPruned } from './pruned.ts';
import { RowsOutside, removeAltered, replacePartitions } from './replace.ts';
import {
  type CompiledTest,
  readsClock,
  recordOutcomes,
  reusedTest,
  runTest,
  stillHolds,
  type TestOutcome,
} from './run-test.ts';
import { readFrom } from './source.ts';
import { builtPartitions, digestAgain } from './state.ts';
import { verifyModel } from './verify-model.ts';
import type { Warehouse } from './warehouse.ts';

export interface BuildOptions {
  readonly window: Window | undefined;
  readonly runId: string;
  readonly asOf: Date;
  readonly tests: readonly CompiledTest[];
  /** Returns the models that read a table and that are built by its changes. */
  readonly readersOf: (table: string) => Promise<readonly Reader[]>;
  readonly failuresDir: string;
  /** Compares the whole table with a full build, before anything is published. */
  readonly verify?: boolean;
  /** Set if `isUpToDate`: only the tests that read the clock are left to run. */
  readonly upToDate?: boolean;
  /** The extract behind the staged sources that the model reads, and a folder for temporary files. */
  readonly source?: {
    readonly tables: readonly Table[];
    readonly staged: StagedSource;
    readonly directory: string;
    /**
     * Runs the extract again to replace the files that were set aside (unless `given up`) and rereads what is staged.
     */
    readonly reload: (why: 'rejected' | 'damaged' | 'given up', files?: readonly DamagedFile[]) => Promise<void>;
  };
  readonly signal: AbortSignal;
  readonly warn: (warning: ModelWarning) => void;
}

export interface BuildOutcome {
  /** `error`: a blocking test failed, so nothing was published. */
  readonly status: 'pass' | 'reused' | 'error';
  readonly rows: number;
  readonly partitions: number;
  /** Number of archives set aside in this build because their values are implausible. */
  readonly rejected: number;
  /**
   * Partitions that lack damaged staged files which could not be replaced, or that were left as they are for that
   * reason.
   */
  readonly incomplete: number;
  readonly tests: readonly TestOutcome[];
}

/** Thrown inside the transaction to roll it back; carries the outcomes to keep. */
class TestsFailed extends Error {
  readonly outcomes: readonly TestOutcome[];
  constructor(outcomes: readonly TestOutcome[]) {
    super('a blocking test failed');
    this.outcomes = outcomes;
  }
}

/**
 * Write, audit, publish: replaces the dirty partitions, runs the tests, and commits only if no blocking test fails.
 * Values of staged files are trusted at first, since nearly all are right and checking costs as much as loading: a
 * model writes its query so that it fails on an implausible value. `rejects` then names the files, which are set aside,
 * and the build starts again.
 */
export async function buildModel(
  warehouse: Warehouse,
  model: CompiledModel,
  options: BuildOptions,
): Promise<BuildOutcome> {
  if (options.upToDate && !options.verify && !options.tests.some(readsClock)) {
    return {
      status: 'reused',
      rows: 0,
      partitions: 0,
      rejected: 0,
      incomplete: 0,
      tests: options.tests.map(reusedTest),
    };
  }
  const rejected = new Set<string>();
  /** Partitions that lack files; undefined until the extract has run again for damaged files. */
  let lacking: Lacking | undefined;
  let copy = false;
  let confined = false;
  for (;;) {
    const changed = options.upToDate ? nothingDirty : await findDirty(warehouse, model, options.window);
    const dirty = lacking === undefined ? changed : await leavePartitions(warehouse, changed, lacking.leftOut);
    const counts = () => ({
      rejected: rejected.size,
      incomplete: lacking === undefined ? 0 : lacking.leftOut.size + lacking.without.size,
    });
    if (dirty.dirty > 0) {
      const refused = await openSource(warehouse, options, copy);
      if (await setAside(refused, options, rejected)) continue;
    }
    // Staged files contain rows of the dirty partitions only; other queries return the rows of all of them.
    confined ||= !dirty.all && options.source === undefined;
    try {
      return { ...(await publish(warehouse, model, dirty, { ...options, confined })), ...counts() };
    } catch (error) {
      if (error instanceof PipelineError) throw error;
      if (!confined && mayBeOutside(error)) {
        confined = true;
        continue;
      }
      if (error instanceof TestsFailed) {
        await recordOutcomes(warehouse, error.outcomes, options);
        const failed = { status: 'error', rows: 0, partitions: dirty.dirty, tests: error.outcomes } as const;
        return { ...failed, ...counts() };
      }
      const damaged = dirty.dirty > 0 && !options.signal.aborted ? await damagedFiles(options) : [];
      if (damaged.length > 0) {
        lacking = await mend(warehouse, model, damaged, options, lacking);
        continue;
      }
      // The last attempt read normalised copies of the files and found nothing to reject.
      if (copy || dirty.dirty === 0 || options.source === undefined || options.signal.aborted) throw error;
    }
    const refused = await openSource(warehouse, options, true);
    const wrong = refused.length > 0 ? refused : await unbelievable(warehouse, model);
    copy = !(await setAside(wrong, options, rejected));
  }
}

/** True if the error may come from rows of other partitions, or from a conflict with existing rows. */
const mayBeOutside = (error: unknown): boolean =>
  error instanceof RowsOutside || (error instanceof Error && /duplicate key/i.test(error.message));

const nothingDirty: DirtyPartitions = { dirty: 0, total: 0, all: false, complete: false };

/** Runs in one transaction. @throws TestsFailed */
async function publish(
  warehouse: Warehouse,
  model: CompiledModel,
  dirty: DirtyPartitions,
  options: BuildOptions & { readonly confined: boolean },
): Promise<Omit<BuildOutcome, 'rejected' | 'incomplete'>> {
  const isDirty = dirty.dirty > 0 || (dirty.all && model.inputsSql === undefined);
  const readers = await options.readersOf(model.name);
  if (isDirty) await checkResult(warehouse, model.querySql, model.table);
  return warehouse.transaction(async () => {
    const held = await heldTests(warehouse, dirty, options);
    const byChanges = model.inputsSql === undefined && !options.upToDate;
    const { rows, partitions } = byChanges
      ? await buildByChanges(warehouse, model, dirty, { runId: options.runId, readers })
      : await replaceDirty(warehouse, model, dirty, { ...options, readers });
    if (options.verify) await verifyModel(warehouse, model);
    if (!options.upToDate)
      for (const statement of model.publishedSql) await runPublished(warehouse, model, statement, options);
    const tests: TestOutcome[] = [];
    for (const test of options.tests) {
      const isKnown = options.upToDate && !readsClock(test);
      const among = held.has(test) ? 'dirty' : 'all';
      tests.push(isKnown ? reusedTest(test) : await runTest(warehouse, test, options, among));
    }
    if (tests.some(({ status }) => status === 'error')) throw new TestsFailed(tests);
    await recordOutcomes(warehouse, tests, options);
    return { status: partitions > 0 ? 'pass' : 'reused', rows, partitions, tests };
  });
}

/** Replaces the dirty partitions of a model that gives the digests of its inputs. */
async function replaceDirty(
  warehouse: Warehouse,
  model: CompiledModel,
  dirty: DirtyPartitions,
  options: BuildOptions & { readonly confined: boolean; readonly readers: readonly Reader[] },
): Promise<{ readonly rows: number; readonly partitions: number }> {
  if (dirty.dirty === 0) return { rows: 0, partitions: 0 };
  const { table, readsItself } = model;
  const { all } = dirty;
  if (readsItself) await removeAltered(warehouse, table);
  const of = all ? '' : `SEMI JOIN ${dirtyPartitions} AS ${dirtyAlias} ON ${inDirty(table)}`;
  if (!all) await createPruned(warehouse, model, dirtyPartitions);
  const rows = await noteChanges(warehouse, table, options.readers, of, () =>
    replacePartitions(warehouse, table, all ? model.querySql : model.prunedSql, {
      ...{ all, readsItself, counted: true },
      confined: options.confined,
    }),
  );
  // Files are checked while DuckDB reads them.
  if ((await damagedFiles(options)).length > 0) throw new Error('staged files are damaged');
  await recordDirty(warehouse, table, { all, runId: options.runId });
  return { rows, partitions: dirty.dirty };
}

/** Runs a statement that changes another table, takes its digests again, and has its readers look at all of it. */
async function runPublished(
  warehouse: Warehouse,
  { writes }: CompiledModel,
  statement: string,
  { readersOf }: BuildOptions,
): Promise<void> {
  const changed = await warehouse.run(statement);
  if (changed === 0) return;
  for (const table of writes) {
    await digestAgain(warehouse, table);
    await noteAll(warehouse, table.name, await readersOf(table.name));
  }
}

/** Returns the tests that can skip the rows this build leaves unchanged, since they passed on those rows. */
async function heldTests(
  warehouse: Warehouse,
  dirty: DirtyPartitions,
  { tests, asOf }: BuildOptions,
): Promise<ReadonlySet<CompiledTest>> {
  const held = new Set<CompiledTest>();
  if (dirty.dirty === 0 || dirty.all) return held;
  for (const test of tests) {
    if (test.sql.dirtyFailures !== undefined && (await stillHolds(warehouse, test, asOf))) held.add(test);
  }
  return held;
}

/** Makes the rows of the dirty partitions readable; returns the archives that must not be read. */
async function openSource(
  warehouse: Warehouse,
  { source, signal }: BuildOptions,
  copy: boolean,
): Promise<readonly Rejected[]> {
  const refused: Rejected[] = [];
  if (source === undefined) return refused;
  const { tables, staged, directory } = source;
  const partitions = await warehouse.rows<{ partition: string }>(
    `SELECT partition FROM ${dirtyPartitions} WHERE input_digest IS NOT NULL ORDER BY partition`,
  );
  const files = await staged.open(
    partitions.map(({ partition }) => partition),
    { tables: tables.map(({ name }) => name), copy, directory, signal, refuse: (archive) => refused.push(archive) },
  );
  for (const table of tables) await readFrom(warehouse, table, files[table.name] ?? {}, directory);
  return refused;
}

/** Returns the archives of the open partitions that contain implausible values. */
const unbelievable = async (warehouse: Warehouse, { rejectsSql }: CompiledModel): Promise<readonly Rejected[]> =>
  rejectsSql === undefined ? [] : warehouse.rows<{ key: string; reason: string }>(rejectsSql);

/** Sets archives of the open partitions aside; returns false if there are none. */
async function setAside(
  archives: readonly Rejected[],
  { source, warn }: BuildOptions,
  rejected: Set<string>,
): Promise<boolean> {
  if (source === undefined || archives.length === 0) return false;
  const again = archives.find(({ key }) => rejected.has(key));
  if (again !== undefined) throw new PipelineError('INTERNAL', `${again.key} is still there, although it was rejected`);
  for (const { key, reason } of archives) {
    warn({ kind: 'rejected', subject: key, message: `rejected ${key}: ${reason}` });
    rejected.add(key);
  }
  await source.staged.reject(archives);
  await source.reload('rejected');
  return true;
}

const damagedFiles = async ({ source }: BuildOptions): Promise<readonly DamagedFile[]> =>
  (await source?.staged.damaged?.()) ?? [];

interface Lacking {
  /** Partitions that keep their published rows. */
  readonly leftOut: ReadonlySet<string>;
  /** Partitions that were never published and are built without some files. */
  readonly without: ReadonlySet<string>;
}

/**
 * Fetches damaged files again, once. If files are still damaged, their partition keeps its published rows; if it has
 * none, it is built without them and becomes dirty as soon as they are available.
 */
async function mend(
  warehouse: Warehouse,
  model: CompiledModel,
  damaged: readonly DamagedFile[],
  { source, warn }: BuildOptions,
  before: Lacking | undefined,
): Promise<Lacking> {
  if (before === undefined) {
    for (const { key, reason } of damaged) {
      warn({ kind: 'damaged', subject: key, message: `damaged ${key}: ${reason}; it is fetched again` });
    }
    await source?.staged.discard?.(damaged);
    await source?.reload('damaged', damaged);
    return { leftOut: new Set(), without: new Set() };
  }
  const published = await builtPartitions(warehouse, model.name);
  const [kept, open] = [new Set<string>(), new Set<string>()];
  for (const { key, partition, reason } of damaged) {
    const isPublished = published.has(partition);
    (isPublished ? kept : open).add(partition);
    const what = isPublished ? 'is not built and stays as it was published' : 'is built without one of its files';
    const message = `${partition} ${what}: ${key} could not be fetched again, ${reason}`;
    warn({ kind: 'not_refetched', subject: key, message });
  }
  if (open.size > 0) {
    await source?.staged.giveUp?.(damaged.filter(({ partition }) => open.has(partition)));
    await source?.reload('given up');
  }
  return { leftOut: before.leftOut.union(kept), without: before.without.union(open) };
}
