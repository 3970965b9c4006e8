import { PipelineError } from '../errors.ts';
import type { Schema, Table } from '../schema/table.ts';
import { schemaStatements } from './ddl.ts';
import { readFrom } from './source.ts';
import { openWarehouse, type Warehouse } from './warehouse.ts';

/**
 * Checks the column order, names and SQL types of a query against its table, which TypeScript cannot.
 * @throws PipelineError SCHEMA_DRIFT naming the first column that differs
 */
export async function checkResult(warehouse: Warehouse, query: string, table: Table): Promise<void> {
  const found = await warehouse.rows<{ column_name: string; column_type: string }>(`DESCRIBE SELECT * FROM (${query})`);
  const wanted = Object.entries(table.columns);
  for (let at = 0; at < Math.max(found.length, wanted.length); at++) {
    const [name, column] = wanted[at] ?? [];
    const result = found[at];
    if (result?.column_name === name && result?.column_type === column?.type) continue;
    const has = result === undefined ? 'nothing' : `${result.column_name} ${result.column_type}`;
    const wants = column === undefined ? 'nothing' : `${name} ${column.type}`;
    throw new PipelineError(
      'SCHEMA_DRIFT',
      `column ${at + 1} of the query of ${table.name} is ${has}, but its table has ${wants}`,
      {
        key: name ?? result?.column_name ?? '',
        hint: 'change the model, or its table in the schema, so that both have the same columns',
      },
    );
  }
}

/**
 * Opens an in-memory database with all tables of a schema, empty. DuckDB opens the files of a source to find the
 * columns of a query, so an empty file is written to `directory`.
 */
export async function openEmpty(schema: Schema, directory: string, signal: AbortSignal): Promise<Warehouse> {
  const warehouse = await openWarehouse({ file: ':memory:', threads: 1, signal });
  for (const statement of schemaStatements(schema)) await warehouse.run(statement);
  const sources = Object.values(schema).filter(({ kind }) => kind === 'source');
  for (const table of sources) await readFrom(warehouse, table, {}, directory);
  return warehouse;
}
