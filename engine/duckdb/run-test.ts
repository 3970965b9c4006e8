import { hash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileNameOf } from '../disk.ts';
import { isAbort, PipelineError } from '../errors.ts';
import { machineFault } from '../machine-fault.ts';
import { clockSql, quoteText, timestampLiteral } from '../sql.ts';
import type { TestSql } from './data-tests.ts';
import { type Conclusion, recordConclusion, recordedConclusion, stateDigest } from './state.ts';
import type { Row, Warehouse } from './warehouse.ts';

export interface CompiledTest {
  readonly name: string;
  readonly model: string;
  readonly severity: 'error' | 'warn';
  readonly sql: TestSql;
  /** The columns of a failing row that are always shown; only a few of the first ones if not set. */
  readonly telling?: readonly string[];
  /** Position of the declaration. */
  readonly place: { readonly file: string; readonly line: number; readonly column: number };
  /** Tables whose state decides whether an earlier result is still valid. */
  readonly reads: readonly string[];
}

export interface TestOutcome {
  readonly test: CompiledTest;
  readonly status: 'pass' | 'warn' | 'error' | 'reused';
  readonly value: number | null;
  readonly threshold: number | null;
  readonly rowsFailed: number;
  /** The first failing rows, for display; all of them (up to 1,000) are in `failuresFile`. */
  readonly examples: readonly Row[];
  readonly failuresFile?: string;
}

const keptRows = 1_000;
const shownRows = 3;
const passed = ({ name }: CompiledTest): Conclusion => ({ kind: 'test', name });

/** True if the result of a test can change just because time passes. */
export const readsClock = ({ sql }: CompiledTest): boolean =>
  Object.values(sql).some((part) => part?.includes(clockSql));

/** The outcome of a test whose earlier result is still valid. */
export const reusedTest = (test: CompiledTest): TestOutcome => ({
  ...{ test, status: 'reused', value: null, threshold: null, rowsFailed: 0, examples: [] },
});

export interface TestOptions {
  readonly runId: string;
  readonly asOf: Date;
  readonly failuresDir: string;
}

/** True if a test passed on the current contents of its tables. */
export async function stillHolds(warehouse: Warehouse, test: CompiledTest, asOf: Date): Promise<boolean> {
  return (await recordedConclusion(warehouse, passed(test)))?.input_digest === (await digestOf(warehouse, test, asOf));
}

async function digestOf(warehouse: Warehouse, test: CompiledTest, asOf: Date): Promise<string> {
  const { failures, warnings, measure } = test.sql;
  const sql = [failures, warnings, measure].filter((part) => part !== undefined).join('\n');
  const clock = readsClock(test) ? asOf.toISOString() : '';
  return hash('md5', `${sql}\n${test.severity}\n${clock}\n${await stateDigest(warehouse, test.reads)}`);
}

/**
 * Runs a test, unless its inputs are unchanged since it last passed. `among` restricts it to rows of the dirty
 * partitions if no others can fail.
 */
export async function runTest(
  warehouse: Warehouse,
  test: CompiledTest,
  options: TestOptions,
  among: 'all' | 'dirty' = 'all',
): Promise<TestOutcome> {
  try {
    return await measure(warehouse, test, options, among);
  } catch (error) {
    throw named(test, error);
  }
}

/** Adds the test whose SQL failed to an error of DuckDB. */
function named({ name, place }: CompiledTest, error: unknown): unknown {
  const known = machineFault(error);
  if (known instanceof PipelineError || isAbort(known) || !(known instanceof Error)) return known;
  return new PipelineError('TEST_FAILED', `the test ${name} cannot be run: ${known.message}`, {
    ...place,
    hint: `correct the test; see its SQL with pnpm pipeline compile --select ${name}`,
    cause: known,
  });
}

async function measure(
  warehouse: Warehouse,
  test: CompiledTest,
  options: TestOptions,
  among: 'all' | 'dirty',
): Promise<TestOutcome> {
  const digest = await digestOf(warehouse, test, options.asOf);
  if ((await recordedConclusion(warehouse, passed(test)))?.input_digest === digest) return reusedTest(test);
  const { warnings, measure: measureSql, dirtyFailures } = test.sql;
  const failures = (among === 'dirty' ? dirtyFailures : undefined) ?? test.sql.failures;
  const failed = await found(warehouse, test, failures, options.failuresDir);
  const warned =
    warnings === undefined || failed.count > 0
      ? undefined
      : await found(warehouse, test, warnings, options.failuresDir);
  const measured =
    measureSql === undefined
      ? { value: failed.count, threshold: 0 }
      : await warehouse.row<{ value: number | bigint | null; threshold: number | bigint }>(measureSql);
  const shown = failed.count > 0 ? failed : (warned ?? failed);
  const status = failed.count > 0 ? (test.severity === 'warn' ? 'warn' : 'error') : shown.count > 0 ? 'warn' : 'pass';
  await recordConclusion(warehouse, passed(test), status === 'pass' ? digest : undefined, options);
  return {
    test,
    status,
    value: measured.value === null ? null : Number(measured.value),
    threshold: Number(measured.threshold),
    rowsFailed: shown.count,
    examples: shown.examples,
    ...(shown.file === undefined ? {} : { failuresFile: shown.file }),
  };
}

/** Saves the rows of a query to a file, so that a rollback does not remove the evidence. */
async function found(
  warehouse: Warehouse,
  test: CompiledTest,
  query: string,
  directory: string,
): Promise<{ count: number; examples: readonly Row[]; file?: string }> {
  const { count } = await warehouse.row<{ count: bigint }>(`SELECT count(*) AS count FROM (${query})`);
  const file = path.join(directory, `${fileNameOf(test.name)}.csv`);
  if (count === 0n) {
    await rm(file, { force: true });
    return { count: 0, examples: [] };
  }
  await mkdir(directory, { recursive: true });
  await warehouse.run(
    `COPY (FROM (${query}) ORDER BY ALL LIMIT ${keptRows}) TO ${quoteText(file)} (FORMAT csv, HEADER)`,
  );
  const examples = await warehouse.rows(`FROM (${query}) ORDER BY ALL LIMIT ${shownRows}`);
  return { count: Number(count), examples, file };
}

export async function recordOutcomes(
  warehouse: Warehouse,
  outcomes: readonly TestOutcome[],
  options: { readonly runId: string; readonly asOf: Date },
): Promise<void> {
  const rows = outcomes
    .filter(({ status }) => status !== 'reused')
    .map(({ test, status, value, threshold, rowsFailed }) => {
      const at = timestampLiteral(options.asOf);
      const texts = [options.runId, test.name, test.model, status].map(quoteText);
      return `(${[...texts, value ?? 'NULL', threshold ?? 'NULL', rowsFailed, at].join(', ')})`;
    });
  if (rows.length === 0) return;
  await warehouse.run(
    `INSERT INTO test_results (run_id, test, model, status, value, threshold, rows_failed, tested_at) VALUES ${rows.join(', ')}`,
  );
}

/** Returns the last recorded status of each test, by name. */
export async function lastStatuses(warehouse: Warehouse): Promise<ReadonlyMap<string, string>> {
  const rows = await warehouse.rows<{ test: string; status: string }>(
    'SELECT test, arg_max(status, run_id) AS status FROM test_results GROUP BY test',
  );
  return new Map(rows.map(({ test, status }) => [test, status]));
}
