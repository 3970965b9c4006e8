import type { Schema, Table } from '../schema/table.ts';
import { quoteName } from '../sql.ts';
import { createBareTable } from './ddl.ts';
import { openWarehouse, type Warehouse } from './warehouse.ts';

/** An SQL condition about the rows of a table, as pipeline.yaml has it. */
export interface Condition {
  readonly table: Table;
  readonly sql: string;
}

/** What was found of a condition. */
export interface Bound {
  /** The other tables that it reads. */
  readonly reads: readonly string[];
  readonly misfit?: Misfit;
}

/** Why a condition does not fit the schema. */
export interface Misfit {
  /** Completes a sentence about the condition: `ends too early`. */
  readonly message: string;
  /** The column or table that does not exist. */
  readonly missing?: { readonly kind: 'column' | 'table'; readonly name: string };
  /** The index of the character at which it goes wrong; undefined if DuckDB does not say. */
  readonly offset?: number;
}

/**
 * Binds conditions against an empty in-memory database, which parses them, resolves every name in them and finds their
 * type. Only the tables that they read are created.
 */
export async function bindConditions(schema: Schema, conditions: readonly Condition[]): Promise<readonly Bound[]> {
  await using warehouse = await openWarehouse({ file: ':memory:', threads: 1, asOf: new Date(0) });
  await warehouse.run('SET errors_as_json = true');
  const created = new Set<string>();
  const found: Bound[] = [];
  for (const condition of conditions) {
    const misfit = await findMisfit(warehouse, schema, condition, created);
    found.push(misfit === undefined ? { reads: readsOf(warehouse, condition) } : { reads: [], misfit });
  }
  return found;
}

const statementOf = ({ table, sql }: Condition) =>
  [before, sql, `) AS "holds" FROM ${quoteName(table.name)} WHERE (`, sql, ')'] as const;
const before = 'DESCRIBE SELECT (';

const readsOf = (warehouse: Warehouse, condition: Condition): readonly string[] =>
  warehouse
    .tablesIn(statementOf(condition).join('').slice('DESCRIBE '.length))
    .filter((name) => name !== condition.table.name);

async function findMisfit(
  warehouse: Warehouse,
  schema: Schema,
  condition: Condition,
  created: Set<string>,
): Promise<Misfit | undefined> {
  const { sql } = condition;
  const statement = statementOf(condition);
  for (;;) {
    try {
      const { column_type } = await warehouse.row<{ column_type: string }>(statement.join(''));
      return column_type === 'BOOLEAN' ? undefined : { message: `is not a condition, but ${column_type}` };
    } catch (error) {
      const fault = faultOf(error);
      if (fault === undefined) throw error;
      const { name = '', type, error_subtype } = fault;
      const wanted = type === 'Table' && !created.has(name) ? schema[name] : undefined;
      if (wanted !== undefined && wanted.kind !== 'source') {
        await warehouse.run(createBareTable(wanted));
        created.add(name);
        continue;
      }
      const at = Number(fault.position) - before.length;
      const length = Buffer.byteLength(sql);
      const again = length + statement[2].length;
      const bytes = at >= again ? at - again : at; // the condition occurs twice in the statement
      const isEnd = bytes === length && error_subtype === 'SYNTAX_ERROR';
      return {
        message: isEnd ? 'ends too early' : `cannot be read: ${fault.exception_message.split('\n')[0]}`,
        ...(error_subtype === 'COLUMN_NOT_FOUND' && { missing: { kind: 'column', name } as const }),
        ...(type === 'Table' && { missing: { kind: 'table', name } as const }),
        ...(bytes >= 0 && bytes <= length && { offset: charactersIn(sql, bytes) }),
      };
    }
  }
}

const charactersIn = (text: string, bytes: number): number => Buffer.from(text).subarray(0, bytes).toString().length;

/** What DuckDB says of an error under `errors_as_json`; every field is a text. */
interface Fault {
  readonly exception_message: string;
  readonly error_subtype?: string;
  readonly type?: string;
  readonly name?: string;
  readonly position?: string;
}

/** Parser errors have a prefix before their JSON. */
function faultOf(error: unknown): Fault | undefined {
  const text = error instanceof Error ? error.message : '';
  const json = /\{"exception_type".*\}$/s.exec(text)?.[0];
  return json === undefined ? undefined : JSON.parse(json);
}
