import {
  type Compilable,
  type Dialect,
  Kysely,
  type KyselyPlugin,
  OperationNodeTransformer,
  type PrimitiveValueListNode,
  ValueListNode,
  ValueNode,
} from 'kysely';
import { DuckDbDialect } from 'kysely-duckdb';
import { type Dictionary, spelledBy } from '../vocabulary/spelling.ts';
import { duckdbDictionary } from './dictionary.ts';

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
