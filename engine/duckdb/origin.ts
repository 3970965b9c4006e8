import { quoteText } from '../sql.ts';
import type { Warehouse } from './warehouse.ts';

/**
 * Which target a warehouse belongs to. It is kept in a macro: no table of the definition has it, copies of the file and
 * `COPY FROM DATABASE` take it along, and no migration is needed for warehouses that have none.
 */
export interface WarehouseOrigin {
  /** `id` of target.json. */
  readonly id: string;
  readonly synthetic: boolean;
}

const macro = 'pipeline_warehouse_origin';

/** Undefined for a warehouse of an earlier version, and for a database of another program. */
export async function readOrigin(warehouse: Warehouse): Promise<WarehouseOrigin | undefined> {
  const [known] = await warehouse.rows(
    `SELECT 1 FROM duckdb_functions() WHERE function_name = ${quoteText(macro)} AND NOT internal`,
  );
  if (known === undefined) return undefined;
  return warehouse.row<{ id: string; synthetic: boolean }>(
    `SELECT ${macro}().id AS id, ${macro}().synthetic AS synthetic`,
  );
}

export async function writeOrigin(warehouse: Warehouse, { id, synthetic }: WarehouseOrigin): Promise<void> {
  await warehouse.run(
    `CREATE OR REPLACE MACRO ${macro}() AS {'id': ${quoteText(id)}, 'synthetic': CAST(${synthetic} AS BOOLEAN)}`,
  );
}
