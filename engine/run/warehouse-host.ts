import { schemaStatements } from '../duckdb/dialect.ts';
import {
  backUp,
  type Conclusion,
  describeForeign,
  forgetInputs,
  markUnlessAsLeft,
  noteAsLeft,
  openWarehouse,
  type Warehouse,
  type WarehouseOptions,
} from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import type { GraphNode } from '../graph/graph.ts';
import { type Definition, expectCurrent, recordApplied } from '../migrations/states.ts';
import { type Schema, storedTables } from '../schema/table.ts';
import type { WarehouseClaim } from '../target/claim.ts';
import { refuseLost, stateOfFile } from '../target/lost.ts';
import type { RunContext, WarehouseHost } from './context.ts';

/** The time that a run waits for processes that read the warehouse, in ms. */
export const readersWaitMs = 30_000;

export interface HostOptions extends WarehouseOptions, Definition {
  /** The time at which a new warehouse is recorded to have been migrated. */
  readonly now: Date;
  readonly asOf: Date;
  /** The claim of the target; without it any warehouse is accepted. */
  readonly claim?: WarehouseClaim;
  readonly runId?: string;
  /** Called with the changes that another program made to the warehouse. */
  readonly log?: (level: 'info' | 'warn', message: string) => void;
}

/**
 * Rejects a warehouse that is lost, another target's or outdated before anything is fetched; one that somebody else
 * holds is checked when it is needed.
 * @throws PipelineError as `expectCurrent` and `WarehouseClaim.expectOwn`
 */
export async function refuseUnfit({ schema, migrations, claim, ...options }: HostOptions): Promise<void> {
  if (!options.anew) refuseLost(options.file);
  if (stateOfFile(options.file) !== 'there') return;
  try {
    await using warehouse = await openWarehouse({ ...options, waitMs: 0 });
    const standing = await expectCurrent(warehouse, { schema, migrations });
    await claim?.expectOwn(warehouse, lacksTables(standing, schema));
  } catch (error) {
    if (!(error instanceof PipelineError && error.code === 'WAREHOUSE_LOCKED')) throw error;
  }
}

/** In a project without tables, even a warehouse that was built has none. */
const lacksTables = (standing: 'empty' | 'current', schema: Schema): boolean =>
  standing === 'empty' && storedTables(schema).length > 0;

/** Serves one user at a time, in the order of requests; the first opens it, with every table of the schema in place. */
export function createWarehouseHost(options: HostOptions): WarehouseHost {
  let open: Warehouse | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work);
    last = turn.catch(() => undefined);
    return turn;
  };
  return {
    use: (work) =>
      inTurn(async () => {
        open ??= await openAtSchema(options);
        return work(open);
      }),
    release: () =>
      inTurn(async () => {
        const closing = open;
        open = undefined;
        await closing?.[Symbol.asyncDispose]();
        if (closing !== undefined) noteAsLeft(options.file);
      }),
  };
}

/**
 * Opens a warehouse; an empty one gets the tables of the schema, any other must have them. If somebody else has written
 * to it, nothing is assumed, and all rows are compared with what was published.
 * @throws PipelineError as `expectCurrent` and `WarehouseClaim.expectOwn`; nothing is altered
 */
async function openAtSchema(host: HostOptions): Promise<Warehouse> {
  const { schema, migrations, now, claim, runId = '', log, ...options } = host;
  const warehouse = await openWarehouse(options);
  try {
    const standing = await expectCurrent(warehouse, { schema, migrations });
    await claim?.expectOwn(warehouse, lacksTables(standing, schema));
    if (standing === 'current') {
      const changed = await markUnlessAsLeft(warehouse, schema, runId);
      for (const text of describeForeign(changed)) log?.('warn', `another program changed ${text}`);
      for (const { table, partition, change } of changed) log?.('info', `${change}: ${table} ${partition}`);
      await claim?.stamp(warehouse);
    } else {
      await warehouse.transaction(async () => {
        for (const statement of schemaStatements(schema)) await warehouse.run(statement);
        await recordApplied(warehouse, migrations, now);
        await claim?.stamp(warehouse);
      });
    }
    await claim?.note(warehouse);
    return warehouse;
  } catch (error) {
    await warehouse[Symbol.asyncDispose]();
    throw error;
  }
}

/**
 * For `--full-refresh`: keeps a copy, then forgets what the selected nodes were built from, so that they are all dirty.
 */
export async function forgetBuilt(nodes: readonly GraphNode[], context: RunContext): Promise<void> {
  const copy = await backUp(context.paths, context.runId, { waitMs: readersWaitMs, signal: context.signal });
  if (copy === undefined) return;
  context.reporter.report({ type: 'log', level: 'info', message: `backup of the warehouse: ${copy}` });
  const tables: string[] = [];
  const conclusions: Conclusion[] = [];
  for (const { kind, name } of nodes) {
    if (kind === 'test' || kind === 'export') conclusions.push({ kind, name });
    else tables.push(name);
  }
  // With a range, the partitions outside it keep their rows.
  await context.warehouse.use((warehouse) => forgetInputs(warehouse, tables, conclusions));
}
