import { quoteText } from '../sql.ts';
import type { CompiledModel } from './build-model.ts';
import { recordDigest, stateDigestSql } from './partitions.ts';
import { type CompiledTest, clockSql, readsClock } from './run-test.ts';
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
  const { same } = await warehouse.row<{ same: boolean }>(`SELECT EXISTS (FROM partition_state
    WHERE model = ${quoteText(stateName(it.model))} AND input_digest = ${digestSql(it)}) AS same`);
  return same;
}

export async function recordUpToDate(warehouse: Warehouse, it: UpToDate, runId: string): Promise<void> {
  const { digest } = await warehouse.row<{ digest: string }>(`SELECT ${digestSql(it)} AS digest`);
  await recordDigest(warehouse, stateName(it.model), digest, runId);
}

function digestSql({ model, tests, asOf }: UpToDate): string {
  const lasting = tests.filter((test) => !readsClock(test));
  const clock = model.inputsSql.includes(clockSql) ? asOf.toISOString() : '';
  const tables = new Set([model.name, ...model.reads, ...lasting.flatMap(({ reads }) => reads)]);
  const text = JSON.stringify([model.definitionDigest, clock, lasting.map(({ sql, severity }) => [sql, severity])]);
  return `md5(${quoteText(`${text}\n`)} || ${stateDigestSql([...tables])})`;
}
