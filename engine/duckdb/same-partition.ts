import {
  BinaryOperationNode,
  type KyselyPlugin,
  type OperationNode,
  OperationNodeTransformer,
  OperatorNode,
  type ReferenceNode,
  type TableNode,
} from 'kysely';
import type { Table } from '../schema/table.ts';
import { partitionColumns } from './ddl.ts';
import { dirtyView } from './partitions.ts';

const isReference = (node: OperationNode): node is ReferenceNode => node.kind === 'ReferenceNode';
const isTable = (node: OperationNode): node is TableNode => node.kind === 'TableNode';

/** Has `dirty.region = sales.region` mean the same partition, NULL included: to SQL alone NULL equals nothing (B29). */
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

/** The names that `dirty_partitions` goes by in a query. */
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

/** For the queries of a model; undefined where no column of its partitions can be NULL. */
export function samePartition(table: Table): KyselyPlugin | undefined {
  const columns = new Set(partitionColumns(table).flatMap(({ name, nullable }) => (nullable ? [name] : [])));
  if (columns.size === 0) return undefined;
  return {
    transformQuery: ({ node, queryId }) => new SamePartition(columns, namesIn(node)).transformNode(node, queryId),
    transformResult: async ({ result }) => result,
  };
}
