import { hasPrimaryKey, storedTables } from '../schema/ddl.ts';
import type { Schema, Table } from '../schema/table.ts';
import { quoteName } from '../sql.ts';
import type { Warehouse } from './warehouse.ts';

interface LiveColumn {
  readonly table_name: string;
  readonly column_name: string;
  readonly data_type: string;
  readonly is_nullable: boolean;
}

/** What a live database has otherwise than the definition, one sentence each; tables it lacks are `missing`. */
export interface Drift {
  readonly missing: readonly Table[];
  readonly differences: readonly string[];
}

export async function findDrift(warehouse: Warehouse, schema: Schema): Promise<Drift> {
  const columns = await warehouse.rows<LiveColumn>(
    `SELECT table_name, column_name, data_type, is_nullable FROM duckdb_columns()
     WHERE NOT internal AND schema_name = 'main' AND database_name = current_database() ORDER BY table_name, column_index`,
  );
  const keys = await warehouse.rows<{ table_name: string; columns: string }>(
    `SELECT table_name, array_to_string(constraint_column_names, ', ') AS columns FROM duckdb_constraints()
     WHERE constraint_type = 'PRIMARY KEY' AND database_name = current_database()`,
  );
  const indexes = await warehouse.rows<{ table_name: string; index_name: string }>(
    `SELECT table_name, index_name FROM duckdb_indexes() WHERE database_name = current_database()`,
  );
  const live = Map.groupBy(columns, (column) => column.table_name);
  const keyOf = new Map(keys.map((key) => [key.table_name, key.columns]));
  const indexesOf = Map.groupBy(indexes, (index) => index.table_name);
  const missing: Table[] = [];
  const differences: string[] = [];
  for (const table of storedTables(schema)) {
    const found = live.get(table.name);
    if (found === undefined) {
      missing.push(table);
      continue;
    }
    differences.push(...columnDifferences(table, found));
    const wantedKey = hasPrimaryKey(table) ? table.key.join(', ') : undefined;
    if (keyOf.get(table.name) !== wantedKey) {
      differences.push(`${table.name} has ${keyText(keyOf.get(table.name))}, the definition ${keyText(wantedKey)}`);
    }
    const foundIndexes = new Set(indexesOf.get(table.name)?.map((index) => index.index_name));
    for (const name of Object.keys(table.indexes ?? {})) {
      if (!foundIndexes.has(name)) differences.push(`${table.name} lacks the index ${name}`);
    }
    for (const name of foundIndexes) {
      if (!Object.hasOwn(table.indexes ?? {}, name))
        differences.push(`${table.name} has an index ${name} that the definition lacks`);
    }
  }
  const known = new Set(storedTables(schema).map((table) => table.name));
  for (const name of live.keys())
    if (!known.has(name)) differences.push(`there is a table ${name} that the definition lacks`);
  return { missing, differences };
}

const keyText = (columns: string | undefined) =>
  columns === undefined ? 'no primary key' : `the primary key (${columns})`;

function columnDifferences(table: Table, found: readonly LiveColumn[]): readonly string[] {
  const differences: string[] = [];
  const wanted = Object.entries(table.columns);
  const byName = new Map(found.map((column) => [column.column_name, column]));
  for (const [name, column] of wanted) {
    const live = byName.get(name);
    const label = `${table.name}.${name}`;
    if (live === undefined) differences.push(`${label} is missing`);
    else if (live.data_type !== column.type)
      differences.push(`${label} is ${live.data_type}, the definition says ${column.type}`);
    else if (live.is_nullable !== column.nullable)
      differences.push(`${label} ${live.is_nullable ? 'may be NULL' : 'is NOT NULL'}, the definition says otherwise`);
  }
  for (const { column_name } of found) {
    if (!Object.hasOwn(table.columns, column_name))
      differences.push(`${table.name}.${column_name} is in no definition`);
  }
  const order = found.map((column) => column.column_name).filter((name) => Object.hasOwn(table.columns, name));
  const sameOrder = wanted.map(([name]) => name).filter((name) => byName.has(name));
  if (order.join() !== sameOrder.join())
    differences.push(`${table.name} has its columns in another order: ${order.map(quoteName).join(', ')}`);
  return differences;
}
