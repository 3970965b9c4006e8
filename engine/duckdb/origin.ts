import { quoteText } from '../sql.ts';

/**
 * The target that a warehouse belongs to. It is stored in a macro: that needs no table in the definition and no
 * migration for warehouses without one, and copies of the file and `COPY FROM DATABASE` include it.
 */
export interface WarehouseOrigin {
  /** The `id` of target.json. */
  readonly id: string;
  readonly synthetic: boolean;
}

/** The part of a connection used here, since warehouse.ts reads the origin of each file that it opens. */
interface Connection {
  row<T extends object>(sql: string): Promise<T>;
  run(sql: string): Promise<number>;
}

const macro = 'pipeline_warehouse_origin';

/**
 * Undefined for a warehouse of an earlier version and for a database of another program. Calls the macro and treats an
 * error as absence: that takes 0.5 ms, a look-up in `duckdb_functions()` 40 ms.
 */
export async function readOrigin(warehouse: Connection): Promise<WarehouseOrigin | undefined> {
  try {
    return await warehouse.row<{ id: string; synthetic: boolean }>(
      `SELECT ${macro}().id AS id, ${macro}().synthetic AS synthetic`,
    );
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('Catalog Error')) return undefined;
    throw error;
  }
}

export async function writeOrigin(warehouse: Connection, { id, synthetic }: WarehouseOrigin): Promise<void> {
  await warehouse.run(
    `CREATE OR REPLACE MACRO ${macro}() AS {'id': ${quoteText(id)}, 'synthetic': CAST(${synthetic} AS BOOLEAN)}`,
  );
}
