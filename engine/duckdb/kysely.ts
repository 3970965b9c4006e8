import {
  BinaryOperationNode,
  type Compilable,
  type Dialect,
  Kysely,
  type KyselyPlugin,
  type OperationNode,
  OperationNodeTransformer,
  OperatorNode,
  type PrimitiveValueListNode,
  type ReferenceNode,
  type TableNode,
  ValueListNode,
  ValueNode,
} from 'kysely';
import { DuckDbDialect } from 'kysely-duckdb';
import type { Table } from '../schema/table.ts';
import { type Dictionary, spelledBy } from '../vocabulary/spelling.ts';
import { partitionColumns } from './ddl.ts';
import { duckdbDictionary } from './dictionary.ts';
import { dirtyView } from './partitions.ts';

/** Inlines every value into the SQL text, so that a compiled model can be read, digested and pasted. */
class LiteralTransformer extends OperationNodeTransformer {
  protected override transformValue(node: ValueNode): ValueNode {
    return { ...node, immediate: true };
  }

  protected override transformPrimitiveValueList(node: PrimitiveValueListNode): PrimitiveValueListNode {
    const list = ValueListNode.create(node.values.map((value) => ValueNode.createImmediate(value)));
    return list as unknown as PrimitiveValueListNode;
  }
}

const literals: KyselyPlugin = {
  transformQuery: ({ node }) => new LiteralTransformer().transformNode(node),
  transformResult: async ({ result }) => result,
};

/**
 * A Kysely that compiles and never connects: statements run on the warehouse's connection. `tableMappings` replaces
 * table names by relations; it pastes text, so relations must be constants. Names and clauses are DuckDB's, which
 * ClickHouse takes too; the vocabulary's words are the dictionary's.
 */
export function createCompiler<DB>(
  tableMappings: Readonly<Record<string, string>> = {},
  dictionary: Dictionary = duckdbDictionary,
): Kysely<DB> {
  const dialect = new DuckDbDialect({
    database: () => Promise.reject(new Error('this Kysely compiles only; run the statement on the warehouse')),
    tableMappings: { ...tableMappings },
  });
  return new Kysely<DB>({
    dialect: dialect as unknown as Dialect, // Dialect's types refer to Kysely's CommonJS build, ours to the ESM one
    plugins: [spelledBy(dictionary), literals],
  });
}

export const compileSql = (query: Compilable): string => query.compile().sql;

const isReference = (node: OperationNode): node is ReferenceNode => node.kind === 'ReferenceNode';
const isTable = (node: OperationNode): node is TableNode => node.kind === 'TableNode';

/**
 * Makes `dirty.region = sales.region` match the same partition, NULL included: in plain SQL, NULL equals nothing (B29).
 */
class SamePartition extends OperationNodeTransformer {
  readonly #columns: ReadonlySet<string>;
  readonly #names: ReadonlySet<string>;

  constructor(columns: ReadonlySet<string>, names: ReadonlySet<string>) {
    super();
    this.#columns = columns;
    this.#names = names;
  }

  protected override transformBinaryOperation(node: BinaryOperationNode): BinaryOperationNode {
    const { leftOperand, operator, rightOperand } = super.transformBinaryOperation(node);
    const isEqual = operator.kind === 'OperatorNode' && (operator as OperatorNode).operator === '=';
    const isNamed = [leftOperand, rightOperand].some((operand) => this.#isColumn(operand));
    const meant = isEqual && isNamed ? OperatorNode.create('is not distinct from') : operator;
    return BinaryOperationNode.create(leftOperand, meant, rightOperand);
  }

  #isColumn(node: OperationNode): boolean {
    if (!isReference(node) || node.column.kind !== 'ColumnNode') return false;
    const table = node.table?.table.identifier.name;
    return table !== undefined && this.#names.has(table) && this.#columns.has(node.column.column.name);
  }
}

/** Returns the names under which a query refers to `dirty_partitions`. */
function namesIn(query: OperationNode): ReadonlySet<string> {
  const names = new Set<string>([dirtyView]);
  const walk = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || value instanceof Date) return;
    // biome-ignore lint/suspicious/noExplicitAny: every kind of node has fields of its own
    const node = value as OperationNode & Record<string, any>;
    if (node.kind === 'AliasNode' && isTable(node.node) && node.node.table.identifier.name === dirtyView)
      names.add(node.alias.name);
    for (const part of Object.values(node)) walk(part);
  };
  walk(query);
  return names;
}

/** For a model's queries; undefined if none of its partition columns can be NULL. */
export function samePartition(table: Table): KyselyPlugin | undefined {
  const columns = new Set(partitionColumns(table).flatMap(({ name, nullable }) => (nullable ? [name] : [])));
  if (columns.size === 0) return undefined;
  return {
    transformQuery: ({ node, queryId }) => new SamePartition(columns, namesIn(node)).transformNode(node, queryId),
    transformResult: async ({ result }) => result,
  };
}
