import { hash } from 'node:crypto';
import { clockSql, quoteText } from '../sql.ts';
import type { CompiledModel } from './compiled-model.ts';
import { recordDigest } from './partitions.ts';
import { altered } from './rows-digest.ts';
import { type CompiledTest, readsClock } from './run-test.ts';
import type { Warehouse } from './warehouse.ts';

/**
 * A model that was found up to date in whole, and whose tests passed, need not be looked at again while nothing has
 * changed that this could depend on: its definition and tests, what it and they read, and what it is built from. Every
 * doubt looks. Tests that read the clock are not part of it.
 */
export interface UpToDate {
  readonly model: CompiledModel;
  readonly tests: readonly CompiledTest[];
  readonly asOf: Date;
}

const stateName = (model: CompiledModel): string => `model.${model.name}`;

/** Whether nothing has changed since `recordUpToDate`. */
export async function isUpToDate(warehouse: Warehouse, it: UpToDate): Promise<boolean> {
  const states = await readStates(warehouse);
  return states.get(stateName(it.model))?.any === digestOf(it, states);
}

export async function recordUpToDate(warehouse: Warehouse, it: UpToDate, runId: string): Promise<void> {
  await recordDigest(warehouse, stateName(it.model), digestOf(it, await readStates(warehouse)), runId);
}

/** Those of the tables of which another program changed rows that are still there. */
export async function alteredAmong(warehouse: Warehouse, tables: readonly string[]): Promise<readonly string[]> {
  const states = await readStates(warehouse);
  return tables.filter((table) => states.get(table)?.altered === true);
}

/** What partition_state has of a model, an extract's table, or whatever else has states. */
interface State {
  /** Of all its partitions. */
  readonly digest: string;
  /** Of one of them: of the only one where there is one. */
  readonly any: string;
  /** Whether another program changed any of them, and nothing has been built in its place. */
  readonly altered: boolean;
}

/** One pass for all models of a run with nothing new. */
const readStates = (warehouse: Warehouse): Promise<ReadonlyMap<string, State>> =>
  warehouse.remember('partition_state', async () => {
    const states = await warehouse.rows<State & { model: string }>(`SELECT model,
      cast(sum(hash(partition, input_digest)) as VARCHAR) AS digest, any_value(input_digest) AS any,
      coalesce(bool_or(rows_digest = ${quoteText(altered)}), false) AS altered
      FROM partition_state GROUP BY model`);
    return new Map(states.map(({ model, ...state }) => [model, state]));
  });

function digestOf({ model, tests, asOf }: UpToDate, states: ReadonlyMap<string, State>): string {
  const lasting = tests.filter((test) => !readsClock(test));
  const clock = model.inputsSql.includes(clockSql) ? asOf.toISOString() : '';
  const tables = [...new Set([model.name, ...model.reads, ...lasting.flatMap(({ reads }) => reads)])].sort();
  const read = tables.map((name) => [name, states.get(name)?.digest]);
  const tested = lasting.map(({ sql, severity }) => [sql, severity]);
  return hash('sha256', JSON.stringify([model.definitionDigest, clock, tested, read]));
}
