import { hash } from 'node:crypto';
import type { CompiledModel } from './compiled-model.ts';
import { type CompiledTest, readsClock } from './run-test.ts';
import { type Conclusion, recordConclusion, recordedConclusion, stateDigest } from './state.ts';
import type { Warehouse } from './warehouse.ts';

/**
 * A model that was completely up to date and whose tests passed is not checked again until something that this could
 * depend on has changed: its definition and tests, what it and they read, and what it is built from. If in doubt, it is
 * checked. Tests that read the clock are not covered.
 */
export interface UpToDate {
  readonly model: CompiledModel;
  readonly tests: readonly CompiledTest[];
  readonly asOf: Date;
}

const upToDate = ({ name }: CompiledModel): Conclusion => ({ kind: 'model', name });

/** True if nothing has changed since `recordUpToDate`. */
export async function isUpToDate(warehouse: Warehouse, it: UpToDate): Promise<boolean> {
  return (await recordedConclusion(warehouse, upToDate(it.model)))?.input_digest === (await digestOf(warehouse, it));
}

export async function recordUpToDate(warehouse: Warehouse, it: UpToDate, runId: string): Promise<void> {
  await recordConclusion(warehouse, upToDate(it.model), await digestOf(warehouse, it), { runId });
}

async function digestOf(warehouse: Warehouse, { model, tests, asOf }: UpToDate): Promise<string> {
  const lasting = tests.filter((test) => !readsClock(test));
  const clock = model.readsClock ? asOf.toISOString() : '';
  const tables = [...new Set([model.name, ...model.reads, ...lasting.flatMap(({ reads }) => reads)])].sort();
  const tested = lasting.map(({ sql, severity }) => [sql, severity]);
  const state = await stateDigest(warehouse, tables);
  return hash('sha256', JSON.stringify([model.definitionDigest, clock, tested, tables, state]));
}
