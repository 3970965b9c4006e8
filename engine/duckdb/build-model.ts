import { PipelineError } from '../errors.ts';
import type { StagedSource, Window } from '../extract.ts';
import { sourceVariable } from '../schema/source.ts';
import type { Table } from '../schema/table.ts';
import { checkResult } from './describe.ts';
import { findDirty, recordPartitions } from './partitions.ts';
import { replacePartitions } from './replace.ts';
import { type CompiledTest, recordOutcomes, runTest, type TestOutcome } from './run-test.ts';
import type { Warehouse } from './warehouse.ts';

/** A model as SQL text, values included. */
export interface CompiledModel {
  readonly name: string;
  readonly table: Table;
  readonly inputsSql: string;
  readonly querySql: string;
  readonly rejectsSql: string | undefined;
  readonly publishedSql: readonly string[];
  /** Tables that its statements read, its own left out. */
  readonly reads: readonly string[];
  readonly readsItself: boolean;
  /** Digest of all the text above and of the table's definition. */
  readonly definitionDigest: string;
}

export interface BuildOptions {
  readonly window: Window | undefined;
  readonly runId: string;
  readonly asOf: Date;
  readonly tests: readonly CompiledTest[];
  readonly failuresDir: string;
  /** The staged source that the model reads, and where it may put files. */
  readonly source?: {
    readonly name: string;
    readonly staged: StagedSource;
    readonly directory: string;
    readonly reload: () => Promise<void>;
  };
  readonly signal: AbortSignal;
  readonly warn: (message: string) => void;
}

export interface BuildOutcome {
  /** `error`: a blocking test failed, so nothing was published. */
  readonly status: 'pass' | 'reused' | 'error';
  readonly rows: number;
  readonly partitions: number;
  /** Archives whose values are not believable, set aside now. */
  readonly rejected: number;
  readonly tests: readonly TestOutcome[];
}

/** Thrown inside the transaction so that it rolls back, with the outcomes that are kept. */
class TestsFailed extends Error {
  readonly outcomes: readonly TestOutcome[];
  constructor(outcomes: readonly TestOutcome[]) {
    super('a blocking test failed');
    this.outcomes = outcomes;
  }
}

/** Write, audit, publish: replaces what is dirty, runs the tests, and commits only if none of the blocking ones fails. */
export async function buildModel(
  warehouse: Warehouse,
  model: CompiledModel,
  options: BuildOptions,
): Promise<BuildOutcome> {
  await warehouse.setTime('as_of', options.asOf);
  const { dirty, rejected } = await believableDirty(warehouse, model, options);
  if (dirty.dirty > 0) await checkResult(warehouse, model.querySql, model.table);
  const testAll = async () => {
    const outcomes: TestOutcome[] = [];
    for (const test of options.tests) outcomes.push(await runTest(warehouse, test, options));
    if (outcomes.some(({ status }) => status === 'error')) throw new TestsFailed(outcomes);
    await recordOutcomes(warehouse, outcomes, options);
    return outcomes;
  };
  try {
    return await warehouse.transaction(async () => {
      let rows = 0;
      if (dirty.dirty > 0) {
        rows = await replacePartitions(warehouse, model.table, model.querySql, {
          all: dirty.all,
          readsItself: model.readsItself,
        });
        await recordPartitions(warehouse, model.name, options.runId);
      }
      for (const statement of model.publishedSql) await warehouse.run(statement);
      const tests = await testAll();
      return { status: dirty.dirty > 0 ? 'pass' : 'reused', rows, partitions: dirty.dirty, rejected, tests } as const;
    });
  } catch (error) {
    if (!(error instanceof TestsFailed)) throw error;
    await recordOutcomes(warehouse, error.outcomes, options);
    return { status: 'error', rows: 0, partitions: dirty.dirty, rejected, tests: error.outcomes };
  }
}

/** The dirty partitions, once every archive whose values are not believable has been set aside. */
async function believableDirty(warehouse: Warehouse, model: CompiledModel, options: BuildOptions) {
  const rejected = new Set<string>();
  for (;;) {
    const dirty = await findDirty(warehouse, model, options.window);
    if (dirty.dirty === 0 || options.source === undefined) return { dirty, rejected: rejected.size };
    const { name, staged, directory, reload } = options.source;
    const partitions = await warehouse.rows<{ partition: string }>(
      'SELECT partition FROM dirty_partitions ORDER BY partition',
    );
    const files = await staged.open(
      partitions.map(({ partition }) => partition),
      { directory, signal: options.signal },
    );
    await warehouse.setVariable(sourceVariable(name), files);
    if (model.rejectsSql === undefined) return { dirty, rejected: rejected.size };
    const rejects = await warehouse.rows<{ key: string; reason: string }>(model.rejectsSql);
    if (rejects.length === 0) return { dirty, rejected: rejected.size };
    const again = rejects.find(({ key }) => rejected.has(key));
    if (again !== undefined) throw new PipelineError('INTERNAL', `${name} still has ${again.key}, which was rejected`);
    for (const { key, reason } of rejects) {
      options.warn(`rejected ${key}: ${reason}`);
      rejected.add(key);
    }
    await staged.reject(rejects);
    await reload();
  }
}
