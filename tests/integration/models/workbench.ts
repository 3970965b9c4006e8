import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { loadPipeline } from '../../../engine/config/load.ts';
import { resolveVars } from '../../../engine/config/resolve-vars.ts';
import type { BuildOptions, BuildOutcome } from '../../../engine/duckdb/build-model.ts';
import { noteChanges } from '../../../engine/duckdb/changes.ts';
import type { CompiledModel } from '../../../engine/duckdb/compiled-model.ts';
import { loadFeed } from '../../../engine/duckdb/feeds.ts';
import type { WarehouseOptions } from '../../../engine/duckdb/warehouse.ts';
import { buildGraph, type ModelNode, type SeedNode, type TestNode } from '../../../engine/graph/graph.ts';
import type { StagedSource } from '../../../engine/index.ts';
import { openProject, type Project } from '../../../engine/project.ts';
import { storedTables, type Table } from '../../../engine/schema/table.ts';
import { readSeed } from '../../../engine/seed.ts';
import { schema } from '../../../models/schema.ts';
import { build, createWarehouse, texts } from '../../support/engine.ts';
import { insertLedger } from '../../support/ledger-rows.ts';
import { root } from '../../support/pipeline.ts';
import { tempDir } from '../../support/temp.ts';

const dayMs = 86_400_000;

export interface Listed {
  readonly symbol: string;
  /** `2025-07-01`, or `2025-07` for a monthly archive. */
  readonly period: string;
  readonly timeframe?: string;
  readonly market?: 'spot' | 'futures/um' | 'futures/cm';
  readonly size?: number;
  /** By default the day after the period at 08:35. */
  readonly modified?: string;
}

export interface Bar {
  readonly symbol: string;
  readonly date: string;
  readonly quoteVolume?: number;
  readonly trades?: number;
}

type Vars = Readonly<Record<string, unknown>>;

const textOf = (value: string | number) =>
  typeof value === 'number' ? String(value) : `'${value.replaceAll("'", "''")}'`;
const isoDay = (ms: number) => new Date(ms).toISOString().slice(0, 10);

/** The key and the first and last day of an archive. */
export function archive({ symbol, period, timeframe = '1d', market = 'futures/um' }: Listed) {
  const cadence = period.length === 7 ? 'monthly' : 'daily';
  const [year = 0, month = 0] = period.split('-').map(Number);
  const end = cadence === 'monthly' ? Date.UTC(year, month) : Date.parse(period) + dayMs;
  return {
    cadence,
    instrument_type: market.replace('/', '-'),
    key: `data/${market}/${cadence}/klines/${symbol}/${timeframe}/${symbol}-${timeframe}-${period}.zip`,
    start: cadence === 'monthly' ? `${period}-01` : period,
    end: isoDay(end),
  };
}

/** The columns that staged lines have per file, except the key. */
function archiveOf(key: string): readonly string[] {
  const [, market = '', cadence = '', symbol = '', timeframe = ''] =
    /^data\/(.+)\/(daily|monthly|rest)\/klines\/([^/]+)\/([^/]+)\//.exec(key) ?? [];
  return [market.replace('/', '-'), symbol, timeframe, cadence];
}

const pipeline = loadPipeline(join(root, 'pipeline.yaml'));
const projects = new Map<string, Promise<Project>>();
/** The project with these vars, which compiles each model once for all files of a worker. */
function projectWith(vars: Vars): Promise<Project> {
  const json = JSON.stringify(vars);
  const project = projects.get(json) ?? pipeline.then((loaded) => openProject(loaded, resolveVars(loaded, { json })));
  projects.set(json, project);
  return project;
}

/** A warehouse with the real tables and the real models compiled for it; tests write the rows that they read. */
export async function openWorkbench(options: Partial<WarehouseOptions> = {}) {
  const warehouse = await createWarehouse(schema, options);
  const graph = buildGraph(await pipeline);
  const nodes = graph.nodes.filter((node): node is ModelNode => node.kind === 'model');
  const directory = await tempDir('load-');
  const seeds = graph.nodes.filter((node): node is SeedNode => node.kind === 'seed');

  /** Loads seeds as a run does: the project's own, or one of the lines given. */
  async function seed(lines: Readonly<Record<string, readonly string[]>> = {}): Promise<void> {
    for (const { name, path } of seeds) {
      const own = lines[name];
      const table = schema[name as keyof typeof schema];
      if (own !== undefined) await writeFile(join(directory, `${name}.csv`), own.map((line) => `${line}\n`).join(''));
      const { feed } = await (own === undefined
        ? readSeed(root, path, table)
        : readSeed(directory, `${name}.csv`, table));
      await loadFeed(warehouse, table, feed, { directory: await tempDir('feed-'), runId: 'run', readers: [] });
    }
  }
  await seed();

  async function insert(table: string, rows: readonly (readonly (string | number)[])[]): Promise<void> {
    if (rows.length === 0) return;
    await warehouse.run(
      `INSERT INTO ${table} VALUES ${rows.map((row) => `(${row.map(textOf).join(', ')})`).join(', ')}`,
    );
  }

  const modelsWith = async (vars: Vars): Promise<readonly CompiledModel[]> => {
    const project = await projectWith(vars);
    return Promise.all(nodes.map((node) => project.model(node)));
  };

  const snapshotOf = (name: string) => `"$snapshot ${name}"`;
  /** The tables that models without `inputs` read. */
  const tables = [
    ...[schema.archive_objects, schema.staged_archives, schema.ohlcv, schema.symbols, schema.listed_spans],
    schema.daily_availability,
    ...[schema.known_quote_assets, schema.symbol_exceptions, schema.contract_sizes],
  ] as readonly Table[];
  const digestSql = tables
    .map(({ name }) => `SELECT '${name}' AS name, concat(count(*), ' ', sum(hash(r))) AS digest FROM ${name} AS r`)
    .join(' UNION ALL ');
  /** A digest of the rows of each table, in any order. */
  const digests = async () =>
    new Map((await warehouse.rows<{ name: string; digest: string }>(digestSql)).map((row) => [row.name, row.digest]));
  const takeSnapshot = (name: string) =>
    warehouse.run(`CREATE OR REPLACE TEMP TABLE ${snapshotOf(name)} AS FROM ${name}`);
  for (const { name } of tables) await takeSnapshot(name);
  let digestsOfSnapshots = await digests();

  /** A test writes to tables as it likes; what it changed is noted as if their extract or model had published it. */
  async function noteEdits(readersOf: BuildOptions['readersOf']): Promise<void> {
    const current = await digests();
    for (const table of tables) {
      const [now, before] = [table.name, snapshotOf(table.name)];
      if (current.get(now) === digestsOfSnapshots.get(now)) continue;
      await warehouse.run(`CREATE OR REPLACE TEMP TABLE "$edited" AS FROM ${now}`);
      const put = async (rows: string) => {
        await warehouse.run(`DELETE FROM ${now}`);
        await warehouse.run(`INSERT INTO ${now} FROM ${rows}`);
      };
      await put(before);
      await noteChanges(warehouse, table, await readersOf(table.name), '', () => put('"$edited"'));
      await takeSnapshot(table.name);
      await noteState(table.name, current.get(now) as string);
    }
    digestsOfSnapshots = current;
  }

  /** The states of a table tell that it was edited. Months of `ohlcv` are those that the test says. */
  async function noteState(name: string, digest: string): Promise<void> {
    const state = `model = '${name}'`;
    if (name !== 'ohlcv') {
      await warehouse.run(`DELETE FROM partition_state WHERE ${state} AND run_id = 'edit'`);
      await warehouse.run(`INSERT INTO partition_state VALUES ('${name}', 'edited', '${digest}', 'edit', NULL)`);
    }
    await warehouse.run(`UPDATE partition_state SET rows_digest = '${digest}' WHERE ${state}`);
  }

  return {
    warehouse,
    texts: (query: string) => texts(warehouse, query),

    seed,

    /** Empties every table but the seeds, which are the project's own again. */
    async reset(): Promise<void> {
      const kept = new Set(['partition_state', ...seeds.map(({ name }) => name)]);
      for (const { name } of storedTables(schema)) if (!kept.has(name)) await warehouse.run(`TRUNCATE ${name}`);
      const names = seeds.map(({ name }) => textOf(name)).join(', ');
      await warehouse.run(`DELETE FROM partition_state WHERE model NOT IN (${names})`);
      await seed();
    },

    /** Adds or replaces archives in the listing. */
    async list(...objects: readonly Listed[]): Promise<void> {
      const keys = objects.map((object) => textOf(archive(object).key));
      if (keys.length > 0) await warehouse.run(`DELETE FROM archive_objects WHERE key IN (${keys.join(', ')})`);
      await insert(
        'archive_objects',
        objects.map((object) => {
          const { key, instrument_type, cadence, start, end } = archive(object);
          const { symbol, timeframe = '1d', size = 300, modified = `${end} 08:35:00` } = object;
          return [
            key,
            instrument_type,
            cadence,
            symbol,
            timeframe,
            start,
            end,
            size,
            `etag ${modified}`,
            modified,
            modified,
          ];
        }),
      );
    },

    async unlist(object: Listed): Promise<void> {
      await warehouse.run(`DELETE FROM archive_objects WHERE key = ${textOf(archive(object).key)}`);
    },

    /** Adds or replaces 1d bars of USD-M. The price is 2, so the base volume is half of the turnover. */
    async trade(...bars: readonly Bar[]): Promise<void> {
      for (const { symbol, date } of bars)
        await warehouse.run(
          `DELETE FROM ohlcv WHERE symbol = ${textOf(symbol)} AND cast("timestamp" as DATE) = '${date}'`,
        );
      await insert(
        'ohlcv',
        bars.map(({ symbol, date, quoteVolume = 100, trades = 10 }) => [
          ...[symbol, '1d', 'futures-um', `${date} 00:00:00`, 2, 2.5, 1.5, 2, quoteVolume / 2],
          ...[`${date} 23:59:59.999`, quoteVolume, trades, quoteVolume / 4, quoteVolume / 2, 'daily'],
        ]),
      );
    },

    /** Adds archives to the ledger, as staged. */
    async stage(...objects: readonly Listed[]): Promise<void> {
      if (objects.length === 0) return;
      const rows = objects.map((object) => {
        const sha256 = `sha ${object.size ?? 0}`;
        return { key: archive(object).key, sha256, status: 'staged' } as const;
      });
      await warehouse.run(insertLedger(...rows));
    },

    /**
     * Builds one of the models as a run of its own would, daily_availability after the spans that are its frame. `model`
     * stands in for the one of its name.
     */
    async build(
      name: string,
      options: Partial<BuildOptions> & { readonly vars?: Vars; readonly model?: CompiledModel | undefined } = {},
    ): Promise<BuildOutcome> {
      if (name === 'daily_availability') await this.build('listed_spans', { ...options, tests: [] });
      const { vars = {}, model: other, ...more } = options;
      const models = (await modelsWith(vars)).map((model) => (model.name === other?.name ? other : model));
      const readersOf = async (table: string) =>
        models.filter(
          ({ inputsSql, sources }) => inputsSql === undefined && sources.some((source) => source.table.name === table),
        );
      await noteEdits(readersOf);
      try {
        return await build(warehouse, models.find((model) => model.name === name) as CompiledModel, {
          readersOf,
          ...more,
        });
      } finally {
        if (tables.some((table) => table.name === name)) {
          await takeSnapshot(name);
          digestsOfSnapshots = await digests();
        }
      }
    },

    /** The data tests of a model, as pipeline.yaml declares them. */
    async tests(name: string) {
      const project = await projectWith({});
      const declared = graph.nodes.filter(
        (node): node is TestNode => node.kind === 'test' && node.parent === `model.${name}`,
      );
      return Promise.all(declared.map((node) => project.test(node)));
    },

    /** Lines of archives as a staged source. Rejections are kept, and change the ledger as the extract's feed would. */
    source(lines: Readonly<Record<string, readonly string[]>>) {
      const rejected: Record<string, string> = {};
      const staged: StagedSource = {
        async open() {
          const atHand = await texts(warehouse, "SELECT key FROM staged_archives WHERE status IN ('staged', 'loaded')");
          const keys = new Set(atHand.map(([key]) => key));
          const kept = Object.entries(lines).filter(([key]) => keys.has(key) && rejected[key] === undefined);
          const months = Map.groupBy(kept, ([key]) =>
            [...archiveOf(key).slice(0, 3), /-(\d{4}-\d{2})[-\d]*\.(?:zip|csv)$/.exec(key)?.[1]].join(),
          );
          const [once, twice]: [string[], string[]] = [[], []];
          for (const archives of months.values()) {
            const times = archives.flatMap(([, rows]) => rows.map((row) => row.split(',')[0]));
            const into = new Set(times).size === times.length ? once : twice;
            for (const [key, rows] of archives)
              into.push(...rows.map((row) => `${[key, ...archiveOf(key), row].join(',')}\n`));
          }
          const write = async (name: string, rows: readonly string[]) => {
            const file = join(directory, `${name}.csv`);
            await writeFile(file, rows.join(''));
            return { [name]: { batches: [file] } };
          };
          return { ...(await write('staged_klines', once)), ...(await write('overlapping_klines', twice)) };
        },
        async reject(archives) {
          for (const { key, reason } of archives) rejected[key] = reason;
        },
      };
      async function reload(): Promise<void> {
        for (const key of Object.keys(rejected))
          await warehouse.run(`UPDATE staged_archives SET status = 'rejected' WHERE key = ${textOf(key)}`);
      }
      return {
        rejected,
        source: { tables: [schema.staged_klines, schema.overlapping_klines], staged, directory, reload },
      };
    },

    [Symbol.asyncDispose]: () => warehouse[Symbol.asyncDispose](),
  };
}

export type Workbench = Awaited<ReturnType<typeof openWorkbench>>;

/** `count` days from `first` on. */
export const days = (first: string, count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => isoDay(Date.parse(first) + i * dayMs));
