import { createHash } from 'node:crypto';
import type { Compilable, OperationNodeSource } from 'kysely';
import type { Vars } from './config/vars.ts';
import {
  type CompiledModel,
  compileSql,
  createCompiler,
  createTable,
  daysOf,
  dirtyView,
  isPruned,
  prunedName,
  type Source,
  samePartition,
  sourceRelations,
  sourcesOfModel,
  stateDigestSql,
} from './duckdb/dialect.ts';
import { PipelineError } from './errors.ts';
import { clockOf, ctesOf, readInstead, readsOf, sourcesOf, type TableRead, unreadColumnsOf } from './lineage.ts';
import type { Model, ModelContext, SourceMap } from './model.ts';
import { systemTables } from './schema/system.ts';
import type { Schema, Table } from './schema/table.ts';
import { clockSql } from './sql.ts';
import { asOf } from './vocabulary/index.ts';

type Query = Compilable & OperationNodeSource;

/** What a model states with some vars. */
export interface Statements {
  readonly model: Model;
  readonly schema: Schema;
  readonly context: ModelContext<never>;
  readonly query: Query;
  readonly inputs: Query | undefined;
  readonly rejects: Query | undefined;
  readonly published: readonly Query[];
  /** The tables that they read, the model's own included, in alphabetical order. */
  readonly tables: readonly string[];
}

export interface CompileContext {
  /** Path of the model's module, for errors. */
  readonly file: string;
  /** View → the stored tables that it reads, through other views too. */
  readonly tablesBehind: ReadonlyMap<string, readonly string[]>;
}

/** The context in which models and tests write their queries. */
export const modelContext = (schema: Schema, vars: Vars, { texts = false } = {}): ModelContext<never> =>
  ({
    db: createCompiler<never>(sourceRelations(schema, { texts })),
    vars,
    asOf: asOf(),
  }) as unknown as ModelContext<never>;

/** False if the project has a table of that name: then the name refers to that table. */
const isDirtyView = (name: string, schema: Schema): boolean => name === dirtyView && schema[name] === undefined;

export function statementsOf(model: Model, schema: Schema, vars: Vars): Statements {
  const { table, definition } = model;
  const plain = modelContext(schema, vars);
  const plugin = definition.inputs && samePartition(table);
  const context = plugin === undefined ? plain : { ...plain, db: plain.db.withPlugin(plugin) };
  const inputs = definition.inputs?.(context);
  const rejects = definition.rejects?.(modelContext(schema, vars, { texts: true }));
  const statements = {
    query: transformedOnce(definition.query(context) as Query),
    inputs: inputs && transformedOnce(inputs as Query),
    rejects: rejects && transformedOnce(rejects as Query),
    published: ((definition.published?.(context) ?? []) as readonly Query[]).map(transformedOnce),
  };
  const all = [statements.query, statements.inputs, statements.rejects, ...statements.published];
  // The engine's own tables exist without a node that builds them.
  const tables = [...new Set(all.flatMap((one) => (one === undefined ? [] : sourcesOf(one))))]
    .filter((name) => !systemTables.includes(name) && !isDirtyView(name, schema))
    .sort();
  return { model, schema, context, ...statements, tables };
}

/** Kysely's plugins transform a query each time that its tree is asked for. */
function transformedOnce(query: Query): Query {
  const node = query.toOperationNode();
  return { toOperationNode: () => node, compile: () => query.compile() };
}

/**
 * Compiles a model to SQL and derives what it depends on.
 * @throws PipelineError SOURCES_INVALID if what a source matters to is not known, or `inputs` do not read all of it
 */
export function compileModel(statements: Statements, { file, tablesBehind }: CompileContext): CompiledModel {
  const { model, schema, context, query, inputs, rejects, published } = statements;
  const { table, definition } = model;
  const reads = readsOf(query, schema);
  if (inputs !== undefined) checkInputs(table, reads, inputs, schema, file);
  const used = new Set(statements.tables);
  const readsItself = used.delete(table.name);
  const sources = modelSources(model, reads, { schema, file, tablesBehind });
  const prunedSources = new Map(sources.filter(isPruned).map((source) => [source.name, source]));
  const hidden = ctesOf(query);
  const readsDirty = inputs !== undefined && reads.some((read) => isDirtyView(read.table, schema));
  const pruned = definition.query({
    ...context,
    db: context.db.withPlugin(
      readInstead((name, alias) => {
        const source = prunedSources.get(`${name} as ${alias}`) ?? prunedSources.get(name);
        return source === undefined || hidden.has(name) ? undefined : prunedName(source);
      }),
    ),
  }) as Query;
  const clock = clockOf(query, clockSql);
  const statedInputs =
    table.kind === 'view' ? stateDigestSql([...used].sort()) : inputs === undefined ? undefined : compileSql(inputs);
  const text = {
    querySql: compileSql(query),
    prunedSql: compileSql(pruned),
    inputsSql: statedInputs,
    rejectsSql: rejects && compileSql(rejects),
    publishedSql: published.map(compileSql),
  };
  const { settlesAfter } = definition;
  const facts = {
    readsClock: statedInputs === undefined ? clock.elsewhere : statedInputs.includes(clockSql),
    settlesAfter: settlesAfter === undefined ? undefined : daysOf({ name: table.name, table, file }, settlesAfter),
  };
  const maps = sources.map(({ name, columns, map }) => [name, columns, map]);
  return {
    ...{ name: table.name, table, sources, readsItself, readsDirty, clockColumns: clock.columns },
    ...text,
    ...facts,
    writes: tablesWritten(text.publishedSql, schema),
    reads: [...used].sort(),
    definitionDigest: digest(JSON.stringify([text, facts, maps, createTable(table)])),
  };
}

/** Maps what a query reads of stored tables; all of what is behind a view matters to every partition. */
function modelSources(
  { table: model, definition }: Model,
  reads: readonly TableRead[],
  { schema, file, tablesBehind }: CompileContext & { readonly schema: Schema },
): readonly Source[] {
  const declared: Record<string, SourceMap> = { ...(definition.sources as Readonly<Record<string, SourceMap>>) };
  const stored: TableRead[] = [];
  for (const read of reads) {
    const { kind = 'table' } = schema[read.table] ?? {};
    if (kind === 'source' && definition.inputs === undefined) {
      throw new PipelineError('SOURCES_INVALID', `${model.name} reads ${read.table}, the rows of staged files`, {
        file,
        key: read.table,
        hint: 'whether these have changed is not known before they are read: give the digests of the files as inputs',
      });
    }
    if (kind === 'table' && !systemTables.includes(read.table) && schema[read.table]) stored.push(read);
    if (kind !== 'view') continue;
    for (const table of tablesBehind.get(read.table) ?? []) {
      declared[`${table} as ${read.table}`] = 'whole';
      stored.push({ table, alias: read.table, columns: new Set(Object.keys(schema[table]?.columns ?? {})) });
    }
  }
  if (model.kind === 'view') return [];
  // Where changes are noted, a source without a line has to share the partition columns; else it may be read whole.
  if (definition.inputs !== undefined)
    for (const { table, alias } of stored)
      if (declared[`${table} as ${alias}`] === undefined) declared[table] ??= 'whole';
  return sourcesOfModel({ model, file, reads: stored, declared, tables: schema });
}

/**
 * A change of what `inputs` do not read makes nothing dirty, so `query` must not read anything else (B28), and what their
 * CTEs and subqueries select must reach the digest. A source of staged files has no state of its own: the table that it
 * refers to represents it.
 */
function checkInputs(
  model: Table,
  reads: readonly TableRead[],
  inputs: OperationNodeSource,
  schema: Schema,
  file: string,
): void {
  const known = new Map<string, Set<string>>();
  for (const { table, columns } of readsOf(inputs, schema))
    known.set(table, new Set([...(known.get(table) ?? []), ...columns]));
  const missing = reads.flatMap(({ table, columns }) => {
    const { kind, references = {} } = schema[table] ?? {};
    if (table === model.name || systemTables.includes(table) || isDirtyView(table, schema)) return [];
    if (kind === 'source' && Object.keys(references).some((name) => known.has(name))) return [];
    const read = known.get(table);
    if (read === undefined) return [table];
    return [...columns].filter((column) => !read.has(column)).map((column) => `${table}.${column}`);
  });
  if (missing.length > 0) {
    const what = [...new Set(missing)].sort().join(', ');
    throw new PipelineError('SOURCES_INVALID', `the query of ${model.name} reads ${what}, its inputs do not`, {
      file,
      hint: 'leave inputs out, and the engine derives them; or have them read this too, as rows or as states (stateOf)',
    });
  }
  const unread = unreadColumnsOf(inputs);
  if (unread.length === 0) return;
  throw new PipelineError(
    'SOURCES_INVALID',
    `the inputs of ${model.name} select ${unread.join(', ')} and do not use it`,
    {
      file,
      hint: 'add it to the digest, since a change of what is not in the digest goes unnoticed; or do not select it',
    },
  );
}

/** Returns the tables that the statements update. */
const tablesWritten = (statements: readonly string[], schema: Schema): readonly Table[] =>
  statements.flatMap((statement) => schema[/^update "([^"]+)"/i.exec(statement)?.[1] ?? ''] ?? []);

const digest = (text: string) => createHash('sha256').update(text).digest('hex');
