import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { loadPipeline } from '../../../engine/config/load.ts';
import { resolveVars } from '../../../engine/config/resolve-vars.ts';
import { resolveTarget } from '../../../engine/config/target.ts';
import { openWarehouse } from '../../../engine/duckdb/warehouse.ts';
import type { NodeStatus, RunEvent } from '../../../engine/events.ts';
import { buildGraph } from '../../../engine/graph/graph.ts';
import { select } from '../../../engine/graph/select.ts';
import type { RunOptions } from '../../../engine/run/context.ts';
import { runPipeline } from '../../../engine/run/run-pipeline.ts';
import { targetPaths } from '../../../engine/target/paths.ts';
import { texts, utc } from '../../support/engine.ts';
import { root } from '../../support/pipeline.ts';
import { tree } from '../../support/tree.ts';

const engine = pathToFileURL(join(root, 'engine/index.ts')).href;
const vocabulary = pathToFileURL(join(root, 'engine/vocabulary/index.ts')).href;

/** Sales by day: an extract that reads them from a JSON file, two models, their tests and an export. */
const files = {
  'pipeline.yaml': `\
name: shop
default_target: sample
schema: schema.ts
targets:
  sample: { archive: till, as_of: 2025-07-10T09:00:00Z, synthetic: true }
vars:
  at_least: { type: integer, default: 1 }
  at_most: { type: integer, default: 1000 }
  with_trends: { type: boolean, default: true }
extracts:
  till: { use: till.ts, writes: [sales] }
models:
  totals:
    use: totals.ts
    group: numbers
    needs: [sales]
    tests:
      - unique: [day]
      - range: { column: total, min: 1, max: 1000, name: small }
      - row_count: { min: 2, severity: warn, name: several }
      - custom: { use: at_most.ts }
  trends:
    use: trends.ts
    needs: [totals]
    looks_back: 2 days
    when: with_trends
    tests:
      - relationships: { column: day, to: totals.day, name: known_days }
exports:
  totals: { model: totals, format: parquet, order_by: [day] }
  trends: { model: trends, format: parquet, order_by: [day], when: with_trends }
`,
  'schema.ts': `\
import { bigint, date, engineTables, table, timestamp } from '${engine}';
const day = date('Day.');
export const schema = {
  sales: table('sales', { description: 'Sales.', key: ['day'], keyHeldBy: 'partition', partition: ['day'], columns: { day, amount: bigint('Sold.') } }),
  totals: table('totals', { description: 'Totals.', key: ['day'], partition: ['day'], columns: { day, total: bigint('Sold.'), built_at: timestamp('As-of.') } }),
  trends: table('trends', { description: 'Of 3 days.', key: ['day'], partition: ['day'], columns: { day, total: bigint('Sold in 3 days.'), built_at: timestamp('As-of.') } }),
  ...engineTables,
};
`,
  'till.ts': `\
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
const read = async (file) => JSON.parse(await readFile(file, 'utf8').catch(() => '{}'));
export default {
  warnings: { odd: 'A text that the till says.' },
  async run({ options, stagingDir, warn, signal, progress, share }) {
    const file = join(import.meta.dirname, 'sales.json');
    const sales = await read(file);
    progress({ done: 1, unit: 'files' });
    if (sales.fails) throw new Error(sales.fails);
    signal.throwIfAborted();
    if (sales.waits) await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    for (const subject of sales.warns?.split('; ') ?? []) warn({ kind: 'odd', subject, message: subject });
    await copyFile(file, join(stagingDir, 'sales.json'));
    return { status: 'success', summary: { days: Object.keys(sales).length } };
  },
  async staged({ stagingDir }) {
    const sales = Object.entries(await read(join(stagingDir, 'sales.json'))).filter(([day]) => day.startsWith('2025'));
    return {
      feeds: {
        sales: {
          partitions: new Map(sales.map(([day, amount]) => [day, String(amount)])),
          writeCsv: (days, file) =>
            writeFile(file, ['day,amount', ...sales.filter(([day]) => days.has(day)).map((pair) => pair.join(',')), ''].join('\\n')),
        },
      },
    };
  },
};
`,
  'totals.ts': `\
import { cast, rowsDigest } from '${vocabulary}';
import { schema } from './schema.ts';
export default {
  table: schema.totals,
  definition: {
    query: ({ db, vars, asOf }) => db.selectFrom('sales')
      .where('amount', '>=', vars.number('at_least'))
      .select((eb) => ['sales.day', cast('BIGINT', eb.ref('amount')).as('total'), cast('TIMESTAMP', asOf).as('built_at')]),
  },
};
`,
  'trends.ts': `\
import { cast, rowsDigest } from '${vocabulary}';
import { schema } from './schema.ts';
const near = (db) => db.selectFrom('totals as one').innerJoin('totals as other', (join) =>
  join.on((eb) => eb.and([eb('other.day', '<=', eb.ref('one.day')), eb(eb('one.day', '-', eb.ref('other.day')), '<=', 2)])));
export default {
  table: schema.trends,
  definition: {
    sources: { totals: { looksBack: '2 days' } },
    query: ({ db, asOf }) => near(db).groupBy('one.day')
      .select((eb) => ['one.day', cast('BIGINT', eb.fn.sum('other.total')).as('total'), cast('TIMESTAMP', asOf).as('built_at')]),
  },
};
`,
  'at_most.ts': `\
export default {
  description: 'No total is above a var.',
  failures: ({ db, vars }) => db.selectFrom('totals').where('total', '>', vars.number('at_most')).select(['day', 'total']),
};
`,
};

export interface ShopRun extends Partial<Omit<RunOptions, 'vars' | 'selected'>> {
  readonly select?: string;
  readonly exclude?: string;
  readonly vars?: readonly string[];
  readonly start?: string;
  readonly end?: string;
}

type Changes = Partial<Record<keyof typeof files, (text: string) => string>>;

/** The project in a folder of its own, with more files if given; each run is given a run id of its own. */
export async function shopProject(changes: Changes = {}, more: Readonly<Record<string, string>> = {}) {
  const changed = Object.entries(files).map(([name, text]) => [name, changes[name as keyof Changes]?.(text) ?? text]);
  const directory = await tree({ ...Object.fromEntries(changed), ...more });
  const pipeline = await loadPipeline(join(directory, 'pipeline.yaml'));
  const graph = buildGraph(pipeline);
  const paths = targetPaths(join(directory, 'data'), 'sample');
  const target = resolveTarget(pipeline, { env: {} });
  let runs = 0;

  function optionsOf(
    { select: chosen, exclude, vars = [], start, end, ...more }: ShopRun,
    events: RunEvent[],
  ): RunOptions {
    runs += 1;
    const window = { start: utc(`${start ?? '1970-01-01'}T00:00`), end: utc(`${end ?? '9999-12-31'}T00:00`) };
    return {
      command: 'run',
      argv: ['run'],
      pipeline,
      graph,
      selected: select(graph, { ...(chosen && { select: [chosen] }), ...(exclude && { exclude: [exclude] }) }),
      target,
      paths,
      vars: resolveVars(pipeline, { pairs: vars }),
      asOf: utc('2025-07-10T09:00'),
      ...((start || end) && { window }),
      threads: 2,
      fullRefresh: false,
      relist: false,
      locked: undefined,
      failFast: false,
      wait: false,
      warnError: false,
      yes: false,
      ask: undefined,
      reporter: { report: (event) => events.push(event), close: async () => {} },
      signal: new AbortController().signal,
      runId: `run${runs}`,
      logFile: join(paths.logs, 'run.log'),
      now: utc('2025-07-10T10:00'),
      clock: () => performance.now(),
      ...more,
    };
  }

  return {
    directory,
    pipeline,
    graph,
    target,
    paths,
    optionsOf: (run: ShopRun = {}) => optionsOf(run, []),
    /** Sets what the till returns from now on: day → amount. */
    sell: (sales: Readonly<Record<string, number | string>>) =>
      writeFile(join(directory, 'sales.json'), JSON.stringify(sales)),
    async run(run: ShopRun = {}) {
      const events: RunEvent[] = [];
      const { exitCode } = await runPipeline(optionsOf(run, events));
      const ended = events.filter((event) => event.type === 'node_finished');
      const status: Record<string, NodeStatus> = Object.fromEntries(ended.map(({ node, status }) => [node.id, status]));
      const message: Record<string, string> = Object.fromEntries(ended.map(({ node, message }) => [node.id, message]));
      const errors: Record<string, unknown> = Object.fromEntries(ended.map(({ node, error }) => [node.id, error]));
      return { exitCode, events, status, message, errors };
    },
    /** Rows of the warehouse between runs. */
    async rows(query: string) {
      await using warehouse = await openWarehouse({ file: paths.warehouse, readOnly: true });
      return await texts(warehouse, query); // before it is closed
    },
  };
}

export type Shop = Awaited<ReturnType<typeof shopProject>>;
