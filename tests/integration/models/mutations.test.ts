import { crc32 } from 'node:zlib';
import { createQueryId, type Kysely, type OperationNode, type OperationNodeSource, ValueNode } from 'kysely';
import { beforeAll, expect, test } from 'vitest';
import { compileModel, modelContext, statementsOf } from '../../../engine/compile-model.ts';
import { loadPipeline } from '../../../engine/config/load.ts';
import { resolveVars } from '../../../engine/config/resolve-vars.ts';
import type { CompiledModel } from '../../../engine/duckdb/compiled-model.ts';
import { PipelineError } from '../../../engine/errors.ts';
import type { Model, ModelContext, ModelDefinition } from '../../../engine/model.ts';
import { loadExport } from '../../../engine/modules.ts';
import type { Schema, Table } from '../../../engine/schema/table.ts';
import { schema } from '../../../models/schema.ts';
import { utc } from '../../support/engine.ts';
import { insertLedger } from '../../support/ledger-rows.ts';
import { root } from '../../support/pipeline.ts';
import { archive, days, type Listed, openWorkbench, type Workbench } from './workbench.ts';

/**
 * Takes out, one at a time, what each built-in model declares: a line of `sources` and every part of it, a column or a join
 * of `inputs`, a join of the query. What is left must be refused, or be built after changes as it is built at once.
 */
type Definition = ModelDefinition<Schema, Table, unknown>;
interface Mutant {
  readonly what: string;
  readonly definition: Definition;
}

// Trees of queries are plain objects; what is taken out of one is named by its path.
type Tree = Readonly<Record<string, unknown>>;
type Path = readonly (string | number)[];
interface Cut {
  readonly what: string;
  readonly path: Path;
  /** Left out if an element of a list is taken out. */
  readonly by?: unknown;
}

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !(value instanceof Date) && !ArrayBuffer.isView(value);

function replaced(tree: unknown, [key, ...rest]: Path, by: unknown): unknown {
  if (key === undefined) return by;
  if (!Array.isArray(tree)) return { ...(tree as Tree), [key]: replaced((tree as Tree)[key], rest, by) };
  if (rest.length === 0 && by === undefined) return tree.toSpliced(key as number, 1);
  return tree.with(key as number, replaced(tree[key as number], rest, by));
}

/** True for a select of the engine's own, `stateOf`. */
const isState = ({ kind, from }: Tree): boolean => kind === 'SelectQueryNode' && nameIn(from) === 'partition_state';

/** All of a kind of cuts in a tree; `cutsAt` returns those of one node. */
function cutsIn(tree: unknown, cutsAt: (node: Tree, path: Path) => readonly Cut[], path: Path = []): readonly Cut[] {
  if (!isTree(tree) || isState(tree)) return [];
  const below = Object.entries(tree).flatMap(([key, value]) =>
    cutsIn(value, cutsAt, [...path, Array.isArray(tree) ? Number(key) : key]),
  );
  return Array.isArray(tree) ? below : [...cutsAt(tree, path), ...below];
}

/** The first name in a tree. */
const nameIn = (tree: unknown): string =>
  /"name":"(.+?)"/.exec(JSON.stringify(tree, (_, value) => (typeof value === 'bigint' ? String(value) : value)))?.[1] ??
  'nothing';

const elements = (node: Tree, list: string, path: Path): readonly Cut[] =>
  (Array.isArray(node[list]) ? (node[list] as readonly unknown[]) : []).map((element, at) => ({
    what: `without ${list}[${at}] ${nameIn(element)}`,
    path: [...path, list, at],
  }));

const joins = (query: OperationNode) => cutsIn(query, (node, path) => elements(node, 'joins', path));
const unions = (query: OperationNode) => cutsIn(query, (node, path) => elements(node, 'setOperations', path));
const selections = (query: OperationNode) => cutsIn(query, (node, path) => elements(node, 'selections', path));
/** The conditions of joins: `a and b and c` without each of the three. */
const conditions = (query: OperationNode) =>
  cutsIn(query, (node, path) =>
    node.kind !== 'JoinNode'
      ? []
      : cutsIn(node.on, ({ kind, left, right }, below) => {
          if (kind !== 'AndNode') return [];
          const what = `a part of the condition of ${nameIn(node.table)}`;
          const kept = (left as Tree).kind === 'AndNode' ? [left] : [left, right];
          return kept.map((by) => ({ what, path: [...path, 'on', ...below], by }));
        }),
  );
/** What digests are computed from. */
const operands = (query: OperationNode) =>
  cutsIn(query, (node, path) =>
    node.kind !== 'AliasNode' || (node.alias as Tree).name !== 'digest'
      ? []
      : cutsIn(node.node, (inner, below) =>
          inner.kind !== 'ReferenceNode' || below.length === 0
            ? []
            : [{ what: `a constant for ${nameIn(inner.column)}`, path: [...path, 'node', ...below], by: none }],
        ),
  );
const none = ValueNode.createImmediate('');

/** The mutants of a query, by cuts of its tree. */
function cutQuery(
  definition: Definition,
  name: 'query' | 'inputs',
  context: ModelContext<never>,
  ...kinds: readonly ((query: OperationNode) => readonly Cut[])[]
): readonly Mutant[] {
  const query = definition[name] as ((context: ModelContext<never>) => OperationNodeSource) | undefined;
  if (query === undefined) return [];
  const tree = query(context).toOperationNode();
  const cut = ({ path, by }: Cut) => ({
    ...definition,
    [name]: (given: ModelContext<never>) => {
      const node = replaced(query(given).toOperationNode(), path, by) as OperationNode;
      const executor = (given.db as unknown as Kysely<unknown>).getExecutor();
      return { toOperationNode: () => node, compile: () => executor.compileQuery(node as never, createQueryId()) };
    },
  });
  return kinds
    .flatMap((kind) => kind(tree))
    .map((one) => ({ what: `${name}: ${one.what}`, definition: cut(one) as unknown as Definition }));
}

const without = (map: Tree, name: string): Tree =>
  Object.fromEntries(Object.entries(map).filter(([other]) => other !== name));

/** A line of `sources` without each of its parts. */
function cutLine(line: Tree): readonly (readonly [what: string, line: Tree])[] {
  const { by = {}, on = [] } = line as { readonly by?: Tree; readonly on?: readonly string[] };
  return [
    ...Object.keys(line)
      .filter((part) => part !== 'through' && part !== 'on')
      .map((part) => [`no ${part}`, without(line, part)] as const),
    ...Object.keys(by).map((part) => [`by no ${part}`, { ...line, by: without(by, part) }] as const),
    ...Object.entries(by).flatMap(([part, columns]) =>
      (Array.isArray(columns) ? columns : []).map((column) => {
        return [`by ${column} only`, { ...line, by: { ...by, [part]: column } }] as const;
      }),
    ),
    ...on.map((column) => [`not on ${column}`, { ...line, on: on.filter((other) => other !== column) }] as const),
    ...(on.length > 0 ? [['on nothing', { ...line, on: [] }] as const] : []),
  ];
}

function cutSources(definition: Definition): readonly Mutant[] {
  const sources = definition.sources as Tree | undefined;
  if (sources === undefined) return [];
  const lines = Object.entries(sources).flatMap(([name, line]) => [
    { what: `sources: no line of ${name}`, sources: without(sources, name) },
    ...(isTree(line) ? cutLine(line) : []).map(([what, cut]) => ({
      what: `sources: ${name} ${what}`,
      sources: { ...sources, [name]: cut },
    })),
  ]);
  return [
    ...lines.map(({ what, sources }) => ({ what, definition: { ...definition, sources } as Definition })),
    { what: 'no sources', definition: without(definition as unknown as Tree, 'sources') as unknown as Definition },
    ...(definition.settlesAfter === undefined
      ? []
      : [
          {
            what: 'no settlesAfter',
            definition: without(definition as unknown as Tree, 'settlesAfter') as unknown as Definition,
          },
        ]),
  ];
}

const pipeline = await loadPipeline(`${root}/pipeline.yaml`);
const vars = resolveVars(pipeline, {});
const names = Object.keys(pipeline.spec.models);
const models = new Map<string, Model>();
for (const name of names)
  models.set(name, await loadExport<Model>(pipeline, pipeline.spec.models[name]?.use as string));

const asOf = utc('2025-07-16T09:00');
let bench: Workbench;
beforeAll(async () => {
  bench = await openWorkbench({ file: ':memory:' });
  // To plan a query well takes longer than to run it on a few rows.
  await bench.warehouse.run('PRAGMA disable_optimizer');
  return () => bench[Symbol.asyncDispose]();
});

const compile = (name: string, definition: Definition): CompiledModel =>
  compileModel(statementsOf({ table: schema[name as keyof typeof schema] as Table, definition }, schema, vars), {
    file: name,
    tablesBehind: new Map([['ohlcv_units', ['ohlcv', 'contract_sizes']]]),
  });

type Step = readonly [does: () => Promise<unknown>, undoes: () => Promise<unknown>];

/** What happens between builds. */
interface Scenario {
  prepare(): Promise<unknown>;
  /** Each is done before a build, and all are undone before the next mutant. */
  readonly steps: readonly Step[];
  build(model: CompiledModel): Promise<unknown>;
}

const rowsOf = ({ table, clockColumns }: CompiledModel, relation: string) => {
  const columns = Object.keys(table.columns).filter((column) => !clockColumns.includes(column));
  return bench.texts(`SELECT ${columns.map((column) => `"${column}"`).join(', ')} FROM ${relation} ORDER BY ALL`);
};

/** Builds a model after each step; returns what became of it, and which steps changed its rows. */
async function judge(name: string, definition: Definition, scenario: Scenario) {
  const done: (() => Promise<unknown>)[] = [];
  const changed: boolean[] = [];
  try {
    const model = compile(name, definition);
    await scenario.build(model);
    for (const [does, undoes] of scenario.steps) {
      const before = JSON.stringify(await rowsOf(model, name));
      done.unshift(undoes);
      await does();
      await scenario.build(model);
      const after = JSON.stringify(await rowsOf(model, name));
      if (after !== JSON.stringify(await rowsOf(model, `(${model.querySql})`))) return { verdict: 'WRONG', changed };
      changed.push(before !== after);
    }
    return { verdict: 'correct', changed };
  } catch (error) {
    if (error instanceof PipelineError && error.code === 'SOURCES_INVALID') return { verdict: 'refused', changed };
    // What DuckDB cannot bind, the compiler refuses as well: a name that is not in scope, a column that the table has.
    if (error instanceof Error && /^Binder Error/.test(error.message)) return { verdict: 'does not compile', changed };
    throw error;
  } finally {
    for (const undo of done) await undo();
  }
}

/** True if a build reads all of each source, whatever has changed. */
const isWhole = ({ sources }: CompiledModel): boolean => sources.every(({ map }) => map.kind === 'whole');

/** Judges a model and each of its mutants, of which none may be wrong; returns how many ended in which way. */
async function judgeAll(name: string, scenario: Scenario): Promise<Readonly<Record<string, number>>> {
  const { definition } = models.get(name) as Model;
  const context = modelContext(schema, vars);
  const mutants = [
    ...cutSources(definition),
    ...cutQuery(definition, 'inputs', context, joins, unions, conditions, selections, operands),
    // Where all is read, the rows are those of the query.
    ...(isWhole(compile(name, definition)) ? [] : cutQuery(definition, 'query', context, joins)),
  ];
  await bench.reset();
  await scenario.prepare();
  expect(await judge(name, definition, scenario), 'the scenario decides').toEqual({
    verdict: 'correct',
    changed: scenario.steps.map(() => true),
  });
  const verdicts: Record<string, string> = {};
  for (const [at, { what, definition: mutant }] of mutants.entries())
    verdicts[`${at + 1} ${what}`] = (await judge(name, mutant, scenario)).verdict;
  expect(Object.entries(verdicts).filter(([, verdict]) => verdict === 'WRONG')).toEqual([]);
  return Object.fromEntries(
    [...Map.groupBy(Object.values(verdicts), (verdict) => verdict)].map(([verdict, { length }]) => [verdict, length]),
  );
}

/** Days of three symbols, as they are listed and traded, and the table `symbols`. */
async function history(count: number): Promise<void> {
  const all = days('2025-06-01', count);
  const names = ['AUSDT', 'BUSDT', 'CUSDT'];
  await bench.list(...names.flatMap((symbol) => all.map((day) => listed(symbol, day))));
  await bench.warehouse.run(`INSERT INTO ohlcv SELECT symbol, '1d', 'futures-um', day, 2, 2.5, 1.5, 2, 50,
    day + INTERVAL 86399 SECOND, 100 + ascii(symbol) + day(day), 10, 25, 50, 'daily'
    FROM (VALUES ${names.map((name) => `('${name}')`)}) AS s(symbol),
      range(TIMESTAMP '2025-06-01', TIMESTAMP '2025-06-01' + INTERVAL ${count} DAY, INTERVAL 1 DAY) AS r(day)`);
  await bench.build('symbols', { asOf });
}
const listed = (symbol: string, period: string, size = 300): Listed => ({ symbol, period, timeframe: '1m', size });

/** Sets a column of some rows, and back. */
function set(table: string, column: string, where: string, [to, from]: readonly [to: string, from: string]): Step {
  const run = (value: string) => () => bench.warehouse.run(`UPDATE ${table} SET ${column} = ${value} WHERE ${where}`);
  return [run(to), run(from)];
}
const both = (one: Step, other: Step): Step => [() => one[0]().then(other[0]), () => one[1]().then(other[1])];

test('daily_availability', async () => {
  const grown = listed('BUSDT', '2025-06-13');
  const shrunk = listed('AUSDT', '2025-06-01');
  const verdicts = await judgeAll('daily_availability', {
    prepare: () => history(12),
    build: (model) => bench.build('daily_availability', { model, asOf }),
    steps: [
      both(
        [() => bench.list(listed('CUSDT', '2025-06-06', 7)), () => bench.list(listed('CUSDT', '2025-06-06'))],
        set('ohlcv', 'volume', `symbol = 'AUSDT' AND "timestamp" = '2025-06-08'`, ['7', '50']),
      ),
      both(
        [() => bench.list(grown), () => bench.unlist(grown)],
        [() => bench.unlist(shrunk), () => bench.list(shrunk)],
      ),
      set('symbols', 'quote_asset', `symbol = 'CUSDT'`, [`'BTC'`, `'USDT'`]),
    ],
  });
  expect(verdicts).toEqual({ refused: 10, correct: 6, 'does not compile': 4 });
}, 60_000);

test('volume_rankings', async () => {
  const turnover = (day: string, to: string, from: string) =>
    set('daily_availability', 'quote_volume_usdt', `symbol = 'AUSDT' AND date = '${day}'`, [to, from]);
  const verdicts = await judgeAll('volume_rankings', {
    prepare: async () => {
      await history(36);
      await bench.build('daily_availability', { asOf });
    },
    build: (model) => bench.build('volume_rankings', { model, asOf }),
    steps: [
      turnover('2025-06-02', '999', '167'),
      turnover('2025-06-20', '999', '185'),
      set('symbols', 'contract_type', `symbol = 'BUSDT'`, [`'delivery'`, `'perpetual'`]),
    ],
  });
  expect(verdicts).toEqual({ refused: 4, correct: 4, 'does not compile': 4 });
}, 60_000);

test('gaps', async () => {
  const series = ['BTCUSDT', 'ETHUSDT'].map((symbol) => ({ symbol, timeframe: '1h', market: 'spot' }) as const);
  const [btc, eth] = series as [Listed, Listed];
  const late = { ...eth, period: '2025-06-04' };
  const keyOf = (one: Listed) => archive(one).key;
  const verdicts = await judgeAll('gaps', {
    async prepare() {
      for (const one of series) {
        const objects = days('2025-06-01', 3).map((period) => ({ ...one, period }));
        await bench.list(...objects);
        await bench.warehouse.run(
          insertLedger(...objects.map((it) => ({ key: keyOf(it), status: 'loaded' }) as const)),
        );
      }
      await bench.warehouse.run(`INSERT INTO ohlcv SELECT symbol, '1h', 'spot', t, 1, 2, 1, 2, 5,
        t + INTERVAL 1 SECOND, 10, 3, 1, 2, 'daily' FROM (VALUES ('BTCUSDT'), ('ETHUSDT')) AS s(symbol),
        range(TIMESTAMP '2025-06-01', TIMESTAMP '2025-06-04', INTERVAL 1 HOUR) AS r(t) WHERE hour(t) <> 5`);
      await bench.warehouse.run(`INSERT INTO partition_state (model, partition, input_digest, run_id)
        SELECT 'ohlcv', concat('spot/', symbol, '/1h/2025-06-01'), '', '' FROM ohlcv GROUP BY symbol`);
      await bench.build('symbols', { asOf });
    },
    build: (model) => bench.build('gaps', { model, asOf }),
    steps: [
      // A bar of one series shows that the file of the other is cut.
      set('ohlcv', '"timestamp"', `symbol = 'ETHUSDT' AND day("timestamp") = 2 AND hour("timestamp") IN (4, 5)`, [
        `TIMESTAMP '2025-06-02 05:00'`,
        `TIMESTAMP '2025-06-02 04:00'`,
      ]),
      // A day that is listed for one series is due for the other.
      [() => bench.list(late), () => bench.unlist(late)],
      set('staged_archives', 'status', `"key" = '${keyOf({ ...btc, period: '2025-06-01' })}'`, [
        `'rejected'`,
        `'loaded'`,
      ]),
    ],
  });
  expect(verdicts).toEqual({ refused: 6, 'does not compile': 5 });
}, 60_000);

/** A spot 1d line as published. */
const line = (day: string, close: number) =>
  [Date.parse(day), 1, 9, 1, close, 5, Date.parse(day) + 86_399_999, 10, 3, 1, 2, 0].join(',');
const spot = (symbol: string, period: string, ...lines: readonly string[]) => ({
  ...({ symbol, period, market: 'spot', lines } as const),
  size: crc32(lines.join()),
});
type Archive = ReturnType<typeof spot>;

/** The archives of a month of two symbols, as they are staged; each month has a daily archive that differs. */
function stagingArea() {
  const lines: Record<string, readonly string[]> = {};
  const remove = (it: Archive) => bench.warehouse.run(`DELETE FROM staged_archives WHERE "key" = '${archive(it).key}'`);
  const stage = async (it: Archive) => {
    await remove(it);
    await bench.stage(it);
    lines[archive(it).key] = it.lines;
  };
  const month = (symbol: string) => spot(symbol, '2025-05', line('2025-05-01', 4), line('2025-05-02', 4));
  const prepare = async () => {
    for (const symbol of ['BTCUSDT', 'ETHUSDT']) {
      await stage(month(symbol));
      await stage(spot(symbol, '2025-05-02', line('2025-05-02', 6)));
      await stage(spot(symbol, '2025-06', line('2025-06-01', 5)));
    }
  };
  const build = async (name: string, model?: CompiledModel) =>
    bench.build(name, { model, asOf, source: bench.source(lines).source });
  const steps: readonly Step[] = [
    both(
      [
        () => stage(spot('BTCUSDT', '2025-05-02', line('2025-05-02', 7))),
        () => stage(spot('BTCUSDT', '2025-05-02', line('2025-05-02', 6))),
      ],
      [() => remove(month('ETHUSDT')), () => stage(month('ETHUSDT'))],
    ),
  ];
  return { prepare, build, steps };
}

test('ohlcv', async () => {
  const { prepare, build, steps } = stagingArea();
  const verdicts = await judgeAll('ohlcv', { prepare, build: (model) => build('ohlcv', model), steps });
  expect(verdicts).toEqual({ refused: 3, 'does not compile': 10 });
}, 60_000);

test('conflicts', async () => {
  const { prepare, build, steps } = stagingArea();
  const verdicts = await judgeAll('conflicts', {
    ...{ prepare, steps },
    build: (model) => build('ohlcv').then(() => build('conflicts', model)),
  });
  expect(verdicts).toEqual({ refused: 6, correct: 7, 'does not compile': 16 });
}, 60_000);

test('symbols, listed_spans and ohlcv_units declare nothing: they are built whole, or as a view', () => {
  for (const name of ['symbols', 'listed_spans', 'ohlcv_units']) {
    const { definition } = models.get(name) as Model;
    expect(Object.keys(definition), name).toEqual(['query']);
    const compiled = compile(name, definition);
    expect(compiled.table.kind === 'view' || isWhole(compiled), name).toBe(true);
  }
});
