import {
  AliasNode,
  type FromNode,
  IdentifierNode,
  type JoinNode,
  type KyselyPlugin,
  type OperationNode,
  type OperationNodeSource,
  OperationNodeTransformer,
  TableNode,
} from 'kysely';
import { partitionState } from './schema/system.ts';
import type { Schema } from './schema/table.ts';

/** A table as a query names it, with the columns that are read under this name. */
export interface TableRead {
  readonly table: string;
  /** The name of the table in the query: `day` in `from orders as day`, else the table's own. */
  readonly alias: string;
  readonly columns: ReadonlySet<string>;
}

// biome-ignore lint/suspicious/noExplicitAny: every kind of node has fields of its own
type AnyNode = OperationNode & Record<string, any>;

/** Name in one FROM clause → its table; undefined for a CTE or a subquery. */
type Scope = ReadonlyMap<string, string | undefined>;

const isNode = (value: unknown): value is AnyNode =>
  typeof value === 'object' && value !== null && !(value instanceof Date);

const tableName = (node: AnyNode): string => node.table.identifier.name;

/**
 * Returns what a query reads of the tables of a schema. An unqualified column counts for every table in scope that has
 * it, and so does a word in a raw fragment: where it is unclear what a query reads, it reads more. Reading the states of
 * a table (`stateOf`) counts as reading all of it.
 */
export function readsOf(query: OperationNodeSource, schema: Schema): readonly TableRead[] {
  const reads = new Reads(schema);
  reads.walk(query.toOperationNode(), [], new Set());
  return [...reads.found.values()];
}

class Reads {
  readonly found = new Map<string, TableRead & { readonly columns: Set<string> }>();
  readonly #schema: Schema;
  /** The names of tables and columns, which a raw fragment may contain. */
  readonly #words: ReadonlySet<string>;

  constructor(schema: Schema) {
    this.#schema = schema;
    this.#words = new Set(Object.entries(schema).flatMap(([name, { columns }]) => [name, ...Object.keys(columns)]));
  }

  /** `scopes` are the names in sight, innermost first; `ctes` the names that hide a table. */
  walk(value: unknown, scopes: readonly Scope[], ctes: ReadonlySet<string>): void {
    if (!isNode(value)) return;
    if (value.kind === 'ReferenceNode') this.#reference(value, scopes);
    else if (value.kind === 'SelectAllNode') this.#all(undefined, scopes);
    else this.#parts(value, scopes, ctes);
  }

  #parts(node: AnyNode, scopes: readonly Scope[], ctes: ReadonlySet<string>): void {
    let inSight = ctes;
    for (const { name, expression } of node.with?.expressions ?? []) {
      const before = inSight;
      inSight = new Set([...before, tableName(name.table)]);
      this.walk(expression, scopes, node.with.recursive ? inSight : before);
    }
    const inner = [...this.#scopeOf(node, inSight), ...scopes];
    if (node.kind === 'RawNode') this.#raw(node, inner);
    for (const name in node) if (name !== 'with') this.walk(node[name], inner, inSight);
  }

  /** Returns what a statement brings into scope; nothing for any other node. */
  #scopeOf(node: AnyNode, ctes: ReadonlySet<string>): readonly Scope[] {
    const named = namedIn(node);
    if (named.length === 0) return [];
    const scope = new Map(
      named.map(({ alias, table = '' }) => [alias, ctes.has(table) ? undefined : table || undefined]),
    );
    for (const [alias, table] of scope) if (table !== undefined) this.#add(table, alias, []);
    for (const table of statesIn(node)) this.#add(table, table, this.#columnsOf(table));
    return [scope];
  }

  #columnsOf(table: string): readonly string[] {
    return Object.keys(this.#schema[table]?.columns ?? {});
  }

  #add(table: string, alias: string, columns: readonly string[]): void {
    const key = JSON.stringify([table, alias]);
    const read = this.found.get(key) ?? { table, alias, columns: new Set<string>() };
    this.found.set(key, read);
    for (const column of columns) read.columns.add(column);
  }

  #reference({ table, column }: AnyNode, scopes: readonly Scope[]): void {
    const alias: string | undefined = table && tableName(table);
    const name: string | undefined = column.column?.name;
    const owner = alias && scopes.find((scope) => scope.has(alias))?.get(alias);
    if (name === undefined) this.#all(alias, scopes);
    else if (alias === undefined) this.#unqualified(name, scopes);
    else if (owner) this.#add(owner, alias, [name]);
  }

  #unqualified(column: string, scopes: readonly Scope[]): void {
    for (const [alias, table] of scopes.flatMap((scope) => [...scope]))
      if (table !== undefined && this.#columnsOf(table).includes(column)) this.#add(table, alias, [column]);
  }

  #all(alias: string | undefined, scopes: readonly Scope[]): void {
    const scope = scopes.find((one) => alias === undefined || one.has(alias));
    for (const [name, table] of scope ?? [])
      if (table !== undefined && (alias === undefined || alias === name))
        this.#add(table, name, this.#columnsOf(table));
  }

  #raw({ sqlFragments, parameters }: AnyNode, scopes: readonly Scope[]): void {
    for (const word of this.#words.size === 0 ? [] : wordsOf({ sqlFragments })) {
      if (!this.#words.has(word)) continue;
      this.#unqualified(word, scopes);
      if (this.#schema[word] !== undefined) this.#add(word, word, this.#columnsOf(word));
    }
    for (const part of parameters as readonly AnyNode[])
      if (part.kind === 'TableNode') this.#add(tableName(part), tableName(part), this.#columnsOf(tableName(part)));
  }
}

/** Returns the tables that a query reads, in alphabetical order. */
export const sourcesOf = (query: OperationNodeSource): readonly string[] =>
  [...new Set(readsOf(query, {}).map(({ table }) => table))].sort();

/** The words of a raw fragment outside of its texts. */
const wordsOf = ({ sqlFragments }: { readonly sqlFragments: readonly string[] }): readonly string[] =>
  sqlFragments
    .join(' ')
    .replaceAll(/'(?:[^']|'')*'/g, '')
    .match(/[A-Za-z_]\w*/g) ?? [];

/** The names that the FROM clause, the joins or the target of a statement bring into scope. */
function namedIn(
  node: AnyNode,
): readonly { readonly alias: string; readonly table: string | undefined; readonly inner: AnyNode }[] {
  const froms: readonly AnyNode[] = [
    ...(node.from?.froms ?? []),
    ...(Array.isArray(node.joins) ? node.joins.map(({ table }: AnyNode) => table) : []),
    ...(node.kind === 'UpdateQueryNode' && node.table ? [node.table] : []),
  ];
  return froms.map((from) => {
    const inner: AnyNode = from.kind === 'AliasNode' ? from.node : from;
    const table = inner.kind === 'TableNode' ? tableName(inner) : undefined;
    return { alias: from.kind === 'AliasNode' ? from.alias.name : (table ?? ''), table, inner };
  });
}

/** Returns the tables whose states a select over the states keeps: `where model = 'orders'`. */
function statesIn(select: AnyNode): readonly string[] {
  const froms: readonly AnyNode[] = select.kind === 'SelectQueryNode' ? (select.from?.froms ?? []) : [];
  const [table, another] = froms.map((from) => (from.kind === 'AliasNode' ? from.node : from));
  if (another !== undefined || table?.table?.identifier?.name !== partitionState.name) return [];
  const found: string[] = [];
  const walk = (node: AnyNode | undefined): void => {
    if (node?.kind === 'ParensNode') walk(node.node);
    if (node?.kind === 'AndNode') for (const side of [node.left, node.right]) walk(side);
    if (node?.kind !== 'BinaryOperationNode' || node.operator.operator !== '=') return;
    const { leftOperand: left, rightOperand: right } = node;
    const isModel = left.kind === 'ReferenceNode' && left.column.column?.name === 'model';
    if (isModel && right.kind === 'ValueNode' && typeof right.value === 'string') found.push(right.value);
  };
  walk(select.where?.where);
  return found;
}

/**
 * A plugin that makes a query read relations in place of tables. `relationOf` returns the relation that replaces a table
 * under a name, or undefined where the table itself is read.
 */
export function readInstead(relationOf: (table: string, alias: string) => string | undefined): KyselyPlugin {
  return {
    transformQuery: ({ node, queryId }) => new Replacement(relationOf).transformNode(node, queryId),
    transformResult: async ({ result }) => result,
  };
}

class Replacement extends OperationNodeTransformer {
  readonly #relationOf: (table: string, alias: string) => string | undefined;

  constructor(relationOf: (table: string, alias: string) => string | undefined) {
    super();
    this.#relationOf = relationOf;
  }

  protected override transformFrom(node: FromNode, queryId?: Parameters<OperationNodeTransformer['transformNode']>[1]) {
    const { froms, ...rest } = super.transformFrom(node, queryId);
    return { ...rest, froms: froms.map((from) => this.#replaced(from)) };
  }

  protected override transformJoin(node: JoinNode, queryId?: Parameters<OperationNodeTransformer['transformNode']>[1]) {
    const { table, ...rest } = super.transformJoin(node, queryId);
    return { ...rest, table: this.#replaced(table) };
  }

  #replaced(from: OperationNode): OperationNode {
    const inner = AliasNode.is(from) ? from.node : from;
    if (!TableNode.is(inner)) return from;
    const table = inner.table.identifier.name;
    const alias = AliasNode.is(from) && IdentifierNode.is(from.alias) ? from.alias.name : table;
    const relation = this.#relationOf(table, alias);
    return relation === undefined ? from : AliasNode.create(TableNode.create(relation), IdentifierNode.create(alias));
  }
}

/**
 * True if each row of a query's result follows from rows of one partition: the query groups one table, and nothing else,
 * by all of these columns.
 */
export function groupsBy(query: OperationNodeSource, table: string, columns: readonly string[]): boolean {
  const { kind, from, groupBy, selections, where, having, ...others } = query.toOperationNode() as AnyNode;
  const [source, another] = from?.froms ?? [];
  if (kind !== 'SelectQueryNode' || source?.kind !== 'TableNode' || another || tableName(source) !== table)
    return false;
  if (Object.entries(others).some(([name, part]) => name !== 'orderBy' && part !== undefined)) return false;
  const grouped = (groupBy?.items ?? []).map(({ groupBy: item }: AnyNode) => item.column?.column?.name);
  const looksAround = (value: unknown): boolean =>
    isNode(value) &&
    (['SelectQueryNode', 'OverNode'].includes(value.kind) ||
      (value.kind === 'RawNode' && /\b(select|from|over)\b/i.test(value.sqlFragments.join(' '))) ||
      Object.values(value).some(looksAround));
  return columns.every((column) => grouped.includes(column)) && ![selections, where, having].some(looksAround);
}

/** Returns the names of all CTEs anywhere in a query. */
export function ctesOf(query: OperationNodeSource): ReadonlySet<string> {
  const names = new Set<string>();
  const walk = (value: unknown): void => {
    if (!isNode(value)) return;
    if (value.kind === 'CommonTableExpressionNameNode') names.add(tableName(value.table));
    for (const part of Object.values(value)) walk(part);
  };
  walk(query.toOperationNode());
  return names;
}

/** A CTE or a subquery in a FROM clause, with the names by which it is read and the columns that it selects. */
interface Derived {
  readonly node: AnyNode;
  readonly name: string;
  readonly aliases: Set<string>;
  readonly columns: readonly string[];
}

/** A column, or all of them, read under a name, if one is given, and the derived tables that this is part of. */
interface Use {
  readonly alias: string | undefined;
  readonly column: string | undefined;
  readonly within: readonly AnyNode[];
}

/**
 * Returns the columns that CTEs and subqueries of a query select and that nothing outside of them reads, as
 * `name.column`. Where it is unclear what is read, it is read.
 */
export function unreadColumnsOf(query: OperationNodeSource): readonly string[] {
  const derived: Derived[] = [];
  const uses: Use[] = [];
  const add = (name: string, node: AnyNode) => {
    // Of states, the digest is enough.
    const columns = statesIn(node).length > 0 ? ['digest'] : selectedBy(node);
    derived.push({ node, name, aliases: new Set([name]), columns });
  };
  const walk = (value: unknown, within: readonly AnyNode[]): void => {
    if (!isNode(value)) return;
    for (const { name, expression } of value.with?.expressions ?? []) add(tableName(name.table), expression);
    for (const { alias, inner } of namedIn(value)) if (inner.kind === 'SelectQueryNode') add(alias, inner);
    if (value.kind === 'ReferenceNode')
      uses.push({ alias: value.table && tableName(value.table), column: value.column.column?.name, within });
    else if (value.kind === 'SelectAllNode') uses.push({ alias: undefined, column: undefined, within });
    else if (value.kind === 'RawNode')
      for (const column of wordsOf(value as unknown as { sqlFragments: string[] }))
        uses.push({ alias: undefined, column, within });
    const inside = derived.some(({ node }) => node === value) ? [...within, value] : within;
    for (const part of Object.values(value)) walk(part, inside);
  };
  const root = query.toOperationNode() as AnyNode;
  walk(root, []);
  const rename = (value: unknown): void => {
    if (!isNode(value)) return;
    for (const { alias, table } of namedIn(value))
      for (const one of derived) if (one.name === table) one.aliases.add(alias);
    for (const part of Object.values(value)) rename(part);
  };
  rename(root);
  return derived.flatMap(({ node, name, aliases, columns }) =>
    columns
      .filter(
        (column) =>
          !uses.some(
            (use) =>
              !use.within.includes(node) &&
              (use.alias === undefined || aliases.has(use.alias)) &&
              (use.column === undefined || use.column === column),
          ),
      )
      .map((column) => `${name}.${column}`),
  );
}

/** The names of the columns that a select returns, as far as they are written out. */
const selectedBy = ({ selections = [] }: AnyNode): readonly string[] =>
  (selections as readonly { readonly selection: AnyNode }[]).flatMap(({ selection }) => {
    if (selection.kind === 'AliasNode') return selection.alias.name ?? [];
    return selection.kind === 'ReferenceNode' ? (selection.column.column?.name ?? []) : [];
  });

/**
 * Returns how a query reads the run's clock, whose SQL is `clock`: the columns of the result that contain it, and
 * whether it is read anywhere else, where it may decide which rows there are.
 */
export function clockOf(
  query: OperationNodeSource,
  clock: string,
): { readonly columns: readonly string[]; readonly elsewhere: boolean } {
  const reads = (value: unknown): boolean =>
    isNode(value) &&
    ((value.kind === 'RawNode' && value.sqlFragments.some((text: string) => text.includes(clock))) ||
      Object.values(value).some(reads));
  const { selections = [], ...rest } = query.toOperationNode() as AnyNode;
  const columns: string[] = [];
  let elsewhere = reads(rest);
  for (const { selection } of selections as readonly { readonly selection: AnyNode }[]) {
    if (!reads(selection)) continue;
    if (selection.kind === 'AliasNode') columns.push(selection.alias.name);
    else elsewhere = true;
  }
  return { columns, elsewhere };
}
