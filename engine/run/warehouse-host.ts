import { readSchema } from '../duckdb/introspect.ts';
import { openWarehouse, type Warehouse, type WarehouseOptions } from '../duckdb/warehouse.ts';
import { PipelineError } from '../errors.ts';
import { storedTables, tableStatements } from '../schema/ddl.ts';
import { diffSchemas } from '../schema/diff.ts';
import type { Schema } from '../schema/table.ts';
import { describeDrift, isStructural } from '../schema/words.ts';
import type { WarehouseHost } from './context.ts';

/** One user at a time, in the order of asking; opened by the first, with every table of the schema in place. */
export function createWarehouseHost(schema: Schema, options: WarehouseOptions): WarehouseHost {
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
        open ??= await openAtSchema(schema, options);
        return work(open);
      }),
    release: () =>
      inTurn(async () => {
        const closing = open;
        open = undefined;
        await closing?.[Symbol.asyncDispose]();
      }),
  };
}

/**
 * Opens a warehouse and creates the tables that it lacks.
 * @throws PipelineError SCHEMA_DRIFT where a table that it has differs from the definition; nothing is altered
 */
async function openAtSchema(schema: Schema, options: WarehouseOptions): Promise<Warehouse> {
  const warehouse = await openWarehouse(options);
  try {
    const live = await readSchema(warehouse);
    const missing = storedTables(schema).filter(({ name }) => live[name] === undefined);
    const differences = diffSchemas(live, schema)
      .filter((change) => isStructural(change) && change.kind !== 'table added')
      .map(describeDrift);
    if (differences.length > 0) {
      throw new PipelineError(
        'SCHEMA_DRIFT',
        `the warehouse differs from models/schema.ts: ${differences.join('; ')}`,
        {
          file: options.file,
          hint: 'see it whole with pnpm pipeline schema check; pnpm pipeline run --full-refresh keeps a backup and builds anew',
        },
      );
    }
    await warehouse.transaction(async () => {
      for (const table of missing) {
        for (const statement of tableStatements(table)) await warehouse.run(statement);
      }
    });
    return warehouse;
  } catch (error) {
    await warehouse[Symbol.asyncDispose]();
    throw error;
  }
}
