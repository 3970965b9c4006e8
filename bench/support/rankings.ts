import { cpSync, existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openWarehouse, type Warehouse } from '../../engine/duckdb/warehouse.ts';
import { schemaStatements } from '../../engine/schema/ddl.ts';
import { schema } from '../../models/schema.ts';
import { symbolNames } from './archive-set.ts';
import { type BenchOptions, type Figure, scaled } from './options.ts';
import { type PipelineRun, type Project, runPipeline, targetDir, writeProject } from './pipeline.ts';
import { median, megabytes, seconds } from './report.ts';
import { type Contestant, partsOf, peakOf, race } from './rounds.ts';

const firstDay = '2019-01-01';
const days = 2_500;
const names = { full: 'all days', day: 'one day more' } as const;

/** The nodes that the bar is about; `symbols`, which they need, is not. */
const isMeant = (id: string): boolean => /^(model|export)\.(daily_availability|volume_rankings)$/.test(id);

/** S4: daily_availability and volume_rankings with their tests and exports, whole and one day more. */
export async function raceRankings(options: BenchOptions): Promise<readonly Figure[]> {
  const symbols = scaled(1000, options);
  const work = join(options.directory, 'work/rankings');
  const template = join(options.directory, `rankings-${symbols}x${days}.duckdb`);
  if (!existsSync(template)) await makeTemplate(template, symbols);
  const nowhere = 'http://127.0.0.1:9';
  const project: Project = {
    ...{ file: writeProject(work, ['1d'], true), dataDir: join(work, 'data') },
    ...{
      archiveUrl: nowhere,
      listingUrl: nowhere,
      asOf: new Date(Date.parse(firstDay) + (days + 2) * 86_400_000).toISOString(),
    },
  };
  const warehouse = join(targetDir(project), 'warehouse.duckdb');

  async function lap() {
    const { nodes, ...usage } = await runPipeline(project, [
      '--select',
      'symbols',
      'daily_availability',
      'volume_rankings',
    ]);
    return { ...usage, partSeconds: meant(nodes) };
  }
  const contestants: readonly Contestant[] = [
    {
      name: names.full,
      async prepare() {
        rmSync(project.dataDir, { recursive: true, force: true });
        mkdirSync(targetDir(project), { recursive: true });
        cpSync(template, warehouse);
      },
      run: lap,
    },
    {
      name: names.day,
      async prepare() {
        await using open = await openWarehouse({ file: warehouse });
        await insertDays(open, symbols, `range(${days}, ${days + 1})`);
      },
      run: lap,
    },
  ];
  // The day comes on top of the build that the same round made, so the order must not turn.
  const laps = await race(`${symbols} symbols × ${days} days`, contestants, options.rounds, { turning: false });
  const size = statSync(warehouse).size;
  rmSync(work, { recursive: true });

  const figure = (what: string, name: string, limit: number): Figure => {
    const time = median(partsOf(laps, name));
    return {
      ...{ bar: 'S4', what: `${symbols} symbols × ${days} days: ${what}`, ours: seconds(time), peer: '', ratio: '' },
      ...{ demand: `< ${limit} s`, holds: time < limit },
    };
  };
  return [
    figure('models, tests and exports', names.full, 15),
    figure('one day more', names.day, 2),
    { bar: 'S4', what: 'warehouse after both', ours: megabytes(size), peer: '', ratio: '', demand: '' },
    { bar: 'S7', what: 'peak memory', ours: megabytes(peakOf(laps, names.full)), peer: '', ratio: '', demand: '' },
  ];
}

const meant = (nodes: PipelineRun['nodes']): number =>
  [...nodes].filter(([id]) => isMeant(id)).reduce((total, [, time]) => total + time, 0);

async function makeTemplate(file: string, symbols: number): Promise<void> {
  await using warehouse = await openWarehouse({ file });
  for (const statement of schemaStatements(schema)) await warehouse.run(statement);
  await insertDays(warehouse, symbols, `range(${days})`);
  for (const table of ['archive_objects', 'ohlcv']) {
    await warehouse.run(`INSERT INTO partition_state VALUES ('${table}', '', 'bench', 'bench')`);
  }
}

/** A 1m archive that is listed and a 1d bar for each symbol and day; turnover is heavy-tailed. */
async function insertDays(warehouse: Warehouse, symbols: number, range: string): Promise<void> {
  const names = symbolNames(symbols).map((symbol) => `'${symbol}'`);
  const symbolDays = `FROM (SELECT unnest([${names.join(', ')}]) AS symbol), (SELECT DATE '${firstDay}' + i::INTEGER AS day FROM ${range} AS days(i))`;
  await warehouse.run(`INSERT INTO archive_objects BY NAME
    SELECT format('data/futures/um/daily/klines/{0}/1m/{0}-1m-{1}.zip', symbol, day) AS key,
      'futures-um' AS instrument_type, 'daily' AS cadence, symbol, '1m' AS timeframe, day AS period_start,
      day + 1 AS period_end, 60000 + hash(symbol, day) % 10000 AS size_bytes, md5(symbol || day) AS etag,
      day + INTERVAL 32 HOURS AS last_modified, day + INTERVAL 33 HOURS AS listed_at ${symbolDays}`);
  await warehouse.run(`INSERT INTO ohlcv BY NAME
    SELECT symbol, '1d' AS timeframe, 'futures-um' AS instrument_type, day::TIMESTAMP AS timestamp,
      1 AS open, 2 AS high, 0.5 AS low, 1.5 AS close, 100 + hash(day, symbol) % 1000 AS volume,
      day + INTERVAL 24 HOURS - INTERVAL 1 MILLISECOND AS close_time,
      if(symbol = 'BTCUSDT', 1e12, exp(10 + (hash(symbol, day) % 1000000) / 1e6 * 8)) AS quote_asset_volume,
      10 AS number_of_trades, 1 AS taker_buy_base_asset_volume, 1 AS taker_buy_quote_asset_volume,
      'monthly' AS data_source ${symbolDays}`);
}
