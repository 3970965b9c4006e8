import { existsSync } from 'node:fs';
import { isAsLeft, noteAsLeft } from '../duckdb/as-left.ts';
import { forgetConclusions } from '../duckdb/partitions.ts';
import { openWarehouse, type Warehouse, type WarehouseOptions } from '../duckdb/warehouse.ts';
import { PipelineError } from '../errors.ts';
import { type Definition, expectCurrent } from '../migrations/current.ts';
import { recordApplied } from '../migrations/standing.ts';
import { schemaStatements } from '../schema/ddl.ts';
import type { WarehouseHost } from './context.ts';

/** How long a run waits for those who read the warehouse. */
export const readersWaitMs = 30_000;

export interface HostOptions extends WarehouseOptions, Definition {
  /** When a warehouse that is made now went through the migrations. */
  readonly now: Date;
}

/**
 * Refuses an outdated warehouse before anything is fetched; one that somebody else holds is looked at when it is needed.
 * @throws PipelineError as `expectCurrent`
 */
export async function refuseOutdated({ schema, migrations, ...options }: HostOptions): Promise<void> {
  if (!existsSync(options.file)) return;
  try {
    await using warehouse = await openWarehouse({ ...options, waitMs: 0 });
    await expectCurrent(warehouse, { schema, migrations });
  } catch (error) {
    if (!(error instanceof PipelineError && error.code === 'WAREHOUSE_LOCKED')) throw error;
  }
}

/** One user at a time, in the order of asking; opened by the first, with every table of the schema in place. */
export function createWarehouseHost(options: HostOptions): WarehouseHost {
  let open: Warehouse | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const postponed: ((warehouse: Warehouse) => Promise<void>)[] = [];
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work, work);
    last = turn.catch(() => undefined);
    return turn;
  };
  const use = <T>(work: (warehouse: Warehouse) => Promise<T>): Promise<T> =>
    inTurn(async () => {
      open ??= await openAtSchema(options);
      for (; postponed[0] !== undefined; postponed.shift()) await postponed[0](open);
      return work(open);
    });
  return {
    use,
    later: (work) => void postponed.push(work),
    settle: async () => {
      if (postponed.length > 0) await use(async () => {});
    },
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
 * Opens a warehouse; an empty one gets the tables of the schema, any other must have them. Where somebody else has written
 * to it, nothing counts as known.
 * @throws PipelineError as `expectCurrent`; nothing is altered
 */
async function openAtSchema({ schema, migrations, now, ...options }: HostOptions): Promise<Warehouse> {
  const warehouse = await openWarehouse(options);
  try {
    if ((await expectCurrent(warehouse, { schema, migrations })) === 'current') {
      if (!isAsLeft(options.file)) await forgetConclusions(warehouse);
      return warehouse;
    }
    await warehouse.transaction(async () => {
      for (const statement of schemaStatements(schema)) await warehouse.run(statement);
      await recordApplied(warehouse, migrations, now);
    });
    return warehouse;
  } catch (error) {
    await warehouse[Symbol.asyncDispose]();
    throw error;
  }
}
