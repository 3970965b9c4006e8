import { cpSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
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
import { measure } from './measure.ts';
import { type BenchOptions, type Figure, type PythonPeers, scaled } from './options.ts';
import { type Project, runPipeline, targetDir } from './pipeline.ts';
import { median, medianRatio, megabytes, seconds } from './report.ts';
import { type Contestant, type Laps, partsOf, peakOf, race, secondsOf } from './rounds.ts';

const firstDay = '2019-01-01';
const days = 2_500;

/** Tests count as part of their model. */
const models = ['model.listed_spans', 'model.daily_availability', 'model.volume_rankings'];

/**
 * S4: daily_availability and volume_rankings with their tests and exports, in full and for one more day, beside the same
 * job in dbt-duckdb and by hand, if there is a Python for them. `symbols`, which the peers are given, is built before.
 */
export async function raceRankings(options: BenchOptions): Promise<readonly Figure[]> {
  const symbols = scaled(1000, options);
  const [ours, few] = [await ourRuns(symbols, options), await ourRuns(Math.ceil(symbols / 10), options)];
  const peers = options.python === undefined ? [] : pythonPeers(symbols, options.python, options);
  // A day is added to the build of the same round, so the order must not rotate.
  const contestants = [...ours.contestants, ...few.contestants, ...peers];
  const laps = await race(`${symbols} symbols × ${days} days`, contestants, options, { turning: false });

  const [all, day] = [ours.names.all, ours.names.day];
  const none = { bar: 'S4', peer: '', ratio: '', demand: '' };
  const beside = (what: string, name: string, peer: string, limit: number): readonly Figure[] => {
    if (!laps.has(peer)) return [];
    const [own, theirs] = [secondsOf(laps, name), timesOf(laps, peer)];
    const ratio = medianRatio(own, theirs);
    const figures = { ours: seconds(median(own)), peer: seconds(median(theirs)), ratio: ratio.toFixed(2) };
    return [{ ...none, what, ...figures, demand: `≤ ${limit}`, holds: ratio <= limit }];
  };
  const growth = medianRatio(partsOf(laps, day), partsOf(laps, few.names.day));
  return [
    { ...none, what: `${all}, whole process`, ours: seconds(median(secondsOf(laps, all))) },
    { ...none, what: `${all}, models and tests`, ours: seconds(median(partsOf(laps, all))) },
    ...beside('all days / dbt-duckdb', all, peerNames.dbtAll, 0.95),
    ...beside('all days / by hand', all, peerNames.byHand, 1.1),
    { ...none, what: `${day}, whole process`, ours: seconds(median(secondsOf(laps, day))) },
    { ...none, what: `${day}, models and tests`, ours: seconds(median(partsOf(laps, day))) },
    ...beside('one day more / dbt-duckdb', day, peerNames.dbtDay, 0.4),
    {
      ...{ ...none, what: 'one day more, models and tests: 10 × the symbols', ratio: growth.toFixed(2) },
      ...{ ours: seconds(median(partsOf(laps, day))), peer: seconds(median(partsOf(laps, few.names.day))) },
      ...{ demand: '≤ 1.3', holds: growth <= 1.3 },
    },
    { ...none, what: 'warehouse after both', ours: megabytes(statSync(ours.warehouse).size) },
    {
      ...{ ...none, bar: 'S7', what: 'peak memory, 1 GB for DuckDB', ours: megabytes(peakOf(laps, all)) },
      ...{ demand: '≤ 1500 MB', holds: peakOf(laps, all) <= 1.5e9 },
    },
  ];
}

/** The pipeline's two runs over so many symbols. */
async function ourRuns(symbols: number, options: BenchOptions) {
  const nowhere = 'http://127.0.0.1:9';
  const project: Project = {
    ...{ dataDir: join(options.work, `rankings-${symbols}`), archiveUrl: nowhere, listingUrl: nowhere },
    asOf: new Date(Date.parse(firstDay) + (days + 2) * msOfDay).toISOString(),
    ...{ timeframe: '1d', availability: '1m' },
  };
  const warehouse = join(targetDir(project), 'warehouse.duckdb');
  const template = join(options.work, `listed-and-loaded-${symbols}.duckdb`);
  const restart = (from: string) => {
    rmSync(project.dataDir, { recursive: true, force: true });
    mkdirSync(targetDir(project), { recursive: true });
    cpSync(from, warehouse);
    noteAsLeft(warehouse);
  };
  await makeTemplate(template, symbols);
  restart(template);
  await runPipeline(project, ['--select', 'symbols']);
  cpSync(warehouse, template);

  const names = { all: `${symbols} symbols, all days`, day: `${symbols} symbols, one day more` } as const;
  const contestant = (name: string, prepare: () => Promise<void>): Contestant => ({
    name,
    prepare,
    async run() {
      const { nodes, ...usage } = await runPipeline(project, ['--select', 'availability', 'rankings']);
      return { ...usage, partSeconds: models.reduce((total, id) => total + (nodes.get(id) ?? Number.NaN), 0) };
    },
  });
  const contestants = [
    contestant(names.all, async () => restart(template)),
    contestant(names.day, async () => {
      {
        await using open = await openWarehouse({ file: warehouse });
        await publishDay(open, symbols);
      }
      noteAsLeft(warehouse); // as an extract and a load would have done
    }),
  ];
  return { names, contestants, warehouse };
}

const peerNames = { dbtAll: 'dbt, all days', dbtDay: 'dbt, one day more', byHand: 'by hand, all days' } as const;

/**
 * The same tables, tests and exports in dbt-duckdb, and the same SQL by hand in DuckDB, which is the floor. `python` has
 * duckdb, of our version to be fair, dbt-core and dbt-duckdb; `peers` is the folder of the two.
 */
function pythonPeers(
  symbols: number,
  { python, peers }: PythonPeers,
  { work }: Pick<BenchOptions, 'work'>,
): readonly Contestant[] {
  const folder = join(work, 'dbt');
  const database = join(folder, 'warehouse.duckdb');
  const script = (name: string, ...args: readonly (string | number)[]) =>
    measure([python, join(peers, name), ...args.map(String)]);
  const build = () =>
    measure([join(dirname(python), 'dbt'), '-q', 'build', '--profiles-dir', '.', '--threads', '2'], {
      cwd: folder,
      env: { ...process.env, WH: database, OUT: folder },
    });
  return [
    {
      name: peerNames.dbtAll,
      async prepare() {
        rmSync(folder, { recursive: true, force: true });
        cpSync(peers, folder, { recursive: true });
        await script('make_template.py', database, symbols, days);
      },
      run: build,
    },
    {
      name: peerNames.dbtDay,
      prepare: async () => void (await script('add_day.py', database, days)),
      run: build,
    },
    {
      name: peerNames.byHand,
      async run() {
        const { stdout, ...usage } = await script('by-hand.py', join(work, 'by-hand'), symbols, days);
        return { ...usage, partSeconds: Number(/^by hand, all days: ([\d.]+) s/m.exec(stdout)?.[1]) };
      },
    },
  ];
}

/** What it says itself, if it does more in its process than the job. */
const timesOf = (laps: Laps, name: string): readonly number[] =>
  (laps.get(name) ?? []).map((lap) => lap.partSeconds ?? lap.seconds);

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
