import { cpSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { loadPipeline } from '../../engine/config/load.ts';
import { resolveVars } from '../../engine/config/resolve-vars.ts';
import { noteChanges } from '../../engine/duckdb/changes.ts';
import { noteAsLeft } from '../../engine/duckdb/maintain.ts';
import { openWarehouse, type Warehouse } from '../../engine/duckdb/warehouse.ts';
import { buildGraph } from '../../engine/graph/graph.ts';
import { readMigrations } from '../../engine/migrations/folder.ts';
import { openProject } from '../../engine/project.ts';
import { readersOf } from '../../engine/run/context.ts';
import { createWarehouseHost } from '../../engine/run/warehouse-host.ts';
import { msOfDay } from '../../exchange/timeframes.ts';
import { schema } from '../../models/schema.ts';
import { symbolNames } from './archive-set.ts';
import { type BenchOptions, type Figure, scaled } from './options.ts';
import { type PipelineRun, type Project, runPipeline, targetDir } from './pipeline.ts';
import { median, megabytes, seconds } from './report.ts';
import { type Contestant, partsOf, peakOf, race } from './rounds.ts';

const firstDay = '2019-01-01';
const days = 2_500;
const names = { full: 'all days', day: 'one day more' } as const;

/** `symbols`, which they need, is not part of the bar; tests count as part of their model. */
const models = ['model.listed_spans', 'model.daily_availability', 'model.volume_rankings'];
const exports = ['export.daily_availability', 'export.volume_rankings'];

/** S4: daily_availability and volume_rankings with their tests and exports, in full and for one more day. */
export async function raceRankings(options: BenchOptions): Promise<readonly Figure[]> {
  const symbols = scaled(1000, options);
  const template = join(options.work, 'listed-and-loaded.duckdb');
  await makeTemplate(template, symbols);
  const nowhere = 'http://127.0.0.1:9';
  const project: Project = {
    ...{ dataDir: join(options.work, 'rankings'), archiveUrl: nowhere, listingUrl: nowhere },
    asOf: new Date(Date.parse(firstDay) + (days + 2) * msOfDay).toISOString(),
    ...{ timeframe: '1d', availability: '1m' },
  };
  const warehouse = join(targetDir(project), 'warehouse.duckdb');

  const exported: Record<string, number[]> = { [names.full]: [], [names.day]: [] };
  const contestant = (name: string, prepare: () => Promise<void>): Contestant => ({
    name,
    prepare,
    async run() {
      const run = await runPipeline(project, ['--select', 'symbols', 'availability', 'rankings']);
      const { nodes: _, ...usage } = run;
      exported[name]?.push(timeOf(run, exports));
      return { ...usage, partSeconds: timeOf(run, models) };
    },
  });
  const contestants = [
    contestant(names.full, async () => {
      rmSync(project.dataDir, { recursive: true, force: true });
      mkdirSync(targetDir(project), { recursive: true });
      cpSync(template, warehouse);
      noteAsLeft(warehouse);
    }),
    contestant(names.day, async () => {
      {
        await using open = await openWarehouse({ file: warehouse });
        await publishDay(open, symbols);
      }
      noteAsLeft(warehouse); // as an extract and a load would have done
    }),
  ];
  // The day is added to the build of the same round, so the order must not rotate.
  const laps = await race(`${symbols} symbols × ${days} days`, contestants, options, { turning: false });

  const none = { bar: 'S4', peer: '', ratio: '', demand: '' };
  const figure = (name: string, limit: number): readonly Figure[] => {
    const built = partsOf(laps, name);
    const all = built.map((time, round) => time + (exported[name]?.[round] ?? Number.NaN));
    const what = `${symbols} symbols × ${days} days: ${name}`;
    const demand = `< ${limit} s`;
    return [
      { ...none, what: `${what}, models and tests`, ours: seconds(median(built)) },
      { ...none, what: `${what}, with exports`, ours: seconds(median(all)), demand, holds: median(all) < limit },
    ];
  };
  return [
    ...figure(names.full, 15),
    ...figure(names.day, 2),
    { ...none, what: 'warehouse after both', ours: megabytes(statSync(warehouse).size) },
    { ...none, bar: 'S7', what: 'peak memory', ours: megabytes(peakOf(laps, names.full)) },
  ];
}

const timeOf = ({ nodes }: PipelineRun, ids: readonly string[]): number =>
  ids.reduce((total, id) => total + (nodes.get(id) ?? Number.NaN), 0);

/** Makes a warehouse as a run leaves it after listing and loading. */
async function makeTemplate(file: string, symbols: number): Promise<void> {
  const migrations = await readMigrations(join(import.meta.dirname, '../..'));
  const now = new Date();
  const host = createWarehouseHost({ file, schema, migrations, now, asOf: now });
  await host.use(async (warehouse) => {
    for (const table of ['archive_objects', 'ohlcv'] as const) {
      await insertDays(warehouse, table, symbols, `range(${days})`);
      await warehouse.run(
        `INSERT INTO partition_state (model, partition, input_digest, run_id) VALUES ('${table}', '', 'bench', 'bench')`,
      );
    }
  });
  await host.release();
}

/** Adds a day as an extract and a load would, with its changes noted for the models that read them. */
async function publishDay(warehouse: Warehouse, symbols: number): Promise<void> {
  const pipeline = await loadPipeline(join(import.meta.dirname, '../../pipeline.yaml'));
  const context = { graph: buildGraph(pipeline), project: await openProject(pipeline, resolveVars(pipeline, {})) };
  const day = new Date(Date.parse(firstDay) + days * msOfDay).toISOString().slice(0, 10);
  for (const [name, time] of [
    ['archive_objects', 'period_start'],
    ['ohlcv', 'timestamp'],
  ] as const) {
    const readers = await readersOf(name, context);
    await warehouse.transaction(() =>
      noteChanges(warehouse, schema[name], readers, `WHERE ${time} = DATE '${day}'`, () =>
        insertDays(warehouse, name, symbols, `range(${days}, ${days + 1})`),
      ),
    );
    await warehouse.run(`UPDATE partition_state SET input_digest = 'day' WHERE model = '${name}'`);
  }
}

/** Inserts a listed 1m archive, or a 1d bar, for each symbol and day; turnover is heavy-tailed. */
async function insertDays(
  warehouse: Warehouse,
  table: 'archive_objects' | 'ohlcv',
  symbols: number,
  range: string,
): Promise<void> {
  const names = symbolNames(symbols).map((symbol) => `'${symbol}'`);
  const symbolDays = `FROM (SELECT unnest([${names.join(', ')}]) AS symbol), (SELECT DATE '${firstDay}' + i::INTEGER AS day FROM ${range} AS days(i))`;
  const rows = {
    archive_objects: `SELECT format('data/futures/um/daily/klines/{0}/1m/{0}-1m-{1}.zip', symbol, day) AS key,
      'futures-um' AS instrument_type, 'daily' AS cadence, symbol, '1m' AS timeframe, day AS period_start,
      day + 1 AS period_end, 60000 + hash(symbol, day) % 10000 AS size_bytes, md5(symbol || day) AS etag,
      day + INTERVAL 32 HOURS AS last_modified, day + INTERVAL 33 HOURS AS listed_at`,
    ohlcv: `SELECT symbol, '1d' AS timeframe, 'futures-um' AS instrument_type, day::TIMESTAMP AS timestamp,
      1 AS open, 2 AS high, 0.5 AS low, 1.5 AS close, 100 + hash(day, symbol) % 1000 AS volume,
      day + INTERVAL 24 HOURS - INTERVAL 1 MILLISECOND AS close_time,
      if(symbol = 'BTCUSDT', 1e12, exp(10 + (hash(symbol, day) % 1000000) / 1e6 * 8)) AS quote_asset_volume,
      10 AS number_of_trades, 1 AS taker_buy_base_asset_volume, 1 AS taker_buy_quote_asset_volume,
      'monthly' AS data_source`,
  };
  await warehouse.run(`INSERT INTO ${table} BY NAME ${rows[table]} ${symbolDays}`);
}
