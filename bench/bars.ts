import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { ohlcv, ohlcvFigures, openWarehouse } from '../queries/index.ts';
import { type BarArchives, barTimeframes, makeBarArchives } from './support/bars-archives.ts';
import { measure } from './support/measure.ts';
import type { BenchOptions, Figure } from './support/options.ts';
import { type Project, runPipeline, targetDir } from './support/pipeline.ts';
import { median, megabytes, seconds } from './support/report.ts';
import { serveFiles, serveListing } from './support/servers.ts';

const cli = join(import.meta.dirname, '../engine/cli/main.ts');

/** Every bar of five symbols over four months, spot and then futures: loaded, certified, queried. */
export async function benchBars(options: BenchOptions): Promise<readonly Figure[]> {
  const archives = await makeBarArchives(options);
  await using files = await serveFiles(archives.directory, 0);
  await using listing = await serveListing(archives.index, 0);
  const project: Project = {
    ...{ dataDir: join(options.work, 'bars'), archiveUrl: files.url, listingUrl: listing.url },
    ...{ asOf: '2024-03-10T09:00:00Z', timeframe: barTimeframes.join(), availability: '1m' },
  };
  const warehouse = join(targetDir(project), 'warehouse.duckdb');
  const figures = await loadAndCertify(project, archives, 'spot');
  const futures = { ...project, timeframe: barTimeframes.filter((name) => name !== '1s').join() };
  figures.push(...(await loadAndCertify(futures, archives, 'futures-um')));
  figures.push(...(await sharesRead(warehouse)), ...(await oneMonth(warehouse)));
  return figures;
}

async function loadAndCertify(
  project: Project,
  { rows }: BarArchives,
  market: keyof BarArchives['rows'],
): Promise<Figure[]> {
  const expected = rows[market];
  const run = await runPipeline(project, ['--select', '+gaps', '--instrument-type', market, '--yes']);
  for (const [node, time] of run.nodes) if (time >= 1) console.log(`  ${market} ${node} ${seconds(time)}`);
  console.log(
    `  ${market} run ${seconds(run.seconds)}, ${seconds(run.cpuSeconds)} of CPU, ${megabytes(run.peakBytes)}`,
  );
  const certify = await measure([
    ...[process.execPath, cli, 'certify', '--target', 'mirror', '--data-dir', project.dataDir],
    ...['--instrument-type', market],
  ]);
  const file = join(targetDir(project), 'warehouse.duckdb');
  const [[found = 0, distinct = 0] = []] = await ask(
    file,
    `SELECT sum(n)::BIGINT, sum(d)::BIGINT FROM (SELECT count(*) AS n, count(DISTINCT "timestamp") AS d FROM ohlcv
      WHERE instrument_type = '${market}' GROUP BY symbol, timeframe)`,
  );
  const bars = Number(found);
  if (bars !== expected || distinct !== found)
    throw new Error(`${market} has ${bars} rows, ${distinct} distinct, instead of ${expected}`);
  const wall = run.seconds + certify.seconds;
  const peak = Math.max(run.peakBytes, certify.peakBytes);
  console.log(
    `  ${market} certify ${seconds(certify.seconds)}, ${seconds(certify.cpuSeconds)} of CPU, ${megabytes(certify.peakBytes)}`,
  );
  const load = run.nodes.get('model.ohlcv') as number;
  const perSecond = (time: number): string => `${Math.round(expected / time).toLocaleString('en')} rows/s`;
  const what = `${expected.toLocaleString('en')} bars of ${market}`;
  const isWhole = market === 'spot' && expected > 50e6;
  return [
    {
      ...{ bar: 'bars', what: `${what}: staged, loaded, tested, certified`, peer: '' },
      ...{ ours: seconds(wall), ratio: perSecond(wall), demand: isWhole ? '< 300 s' : '' },
      ...(isWhole && { holds: wall < 300 }),
    },
    {
      bar: 'bars',
      what: `${what}: ohlcv with its tests`,
      ours: seconds(load),
      peer: '',
      ratio: perSecond(load),
      demand: '',
    },
    {
      ...{ bar: 'bars', what: `${what}: peak memory`, ours: megabytes(peak), peer: '', ratio: '' },
      ...{ demand: '< 2000 MB', holds: peak < 2e9 },
    },
    { bar: 'bars', what: `${what}: warehouse`, ours: megabytes(statSync(file).size), peer: '', ratio: '', demand: '' },
  ];
}

/** Returns the rows of a statement, from an instance with an empty cache. */
async function ask(file: string, statement: string): Promise<readonly (readonly unknown[])[]> {
  const instance = await DuckDBInstance.create(file, { access_mode: 'READ_ONLY', memory_limit: '1GB' });
  const connection = await instance.connect();
  try {
    return (await connection.runAndReadAll(statement)).getRows();
  } finally {
    connection.closeSync();
    instance.closeSync();
  }
}

/** Returns the bytes that this process has read, from disk or from memory. */
const bytesRead = (): number => Number(/rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))?.[1]);

interface Scan {
  readonly operator_rows_scanned?: number;
  readonly children?: readonly Scan[];
}

const rowsScanned = ({ operator_rows_scanned: own = 0, children = [] }: Scan): number =>
  children.reduce((sum, child) => sum + rowsScanned(child), own);

/** Compares a query of one market with the same query of both: bytes read from the file, and rows scanned. */
async function sharesRead(file: string): Promise<readonly Figure[]> {
  const columns = 'count(*), max("timestamp"), sum(open), sum(high), sum(low), sum(close), sum(volume)';
  const questions = {
    'the timeframes of both': `timeframe IN (${barTimeframes.flatMap((name) => (name === '1s' ? [] : [`'${name}'`])).join()})`,
    'BTCUSDT 1m': "symbol = 'BTCUSDT' AND timeframe = '1m'",
    'BTCUSDT 1h': "symbol = 'BTCUSDT' AND timeframe = '1h'",
  };
  const figures: Figure[] = [];
  for (const [what, where] of Object.entries(questions)) {
    const cost = async (side: string) => {
      const query = `SELECT ${columns} FROM ohlcv WHERE ${where} AND instrument_type ${side}`;
      const opened = bytesRead();
      await ask(file, 'SELECT 1');
      const before = bytesRead();
      await ask(file, query);
      const bytes = bytesRead() - before - (before - opened);
      const [[, plan = ''] = []] = await ask(file, `EXPLAIN (ANALYZE, FORMAT JSON) ${query}`);
      return { bytes, rows: rowsScanned(JSON.parse(String(plan)) as Scan) };
    };
    const both = await cost("IN ('spot', 'futures-um')");
    for (const side of ['spot', 'futures-um']) {
      const one = await cost(`= '${side}'`);
      const [bytes, rows] = [one.bytes / both.bytes, one.rows / both.rows];
      const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
      figures.push({
        ...{ bar: 'bars', what: `${side} of ${what}: share of the bytes and rows that both need` },
        ...{ ours: `${megabytes(one.bytes)}, ${one.rows} rows`, peer: `${megabytes(both.bytes)}, ${both.rows} rows` },
        ...{ ratio: `${percent(bytes)}, ${percent(rows)}`, demand: '≤ 55 %', holds: bytes <= 0.55 && rows <= 0.55 },
      });
    }
  }
  return figures;
}

const asks = 21;

/** Queries one month of one series with the library. The first query, which reads the file, is shown separately. */
async function oneMonth(file: string): Promise<readonly Figure[]> {
  await using warehouse = await openWarehouse({ file });
  const month = { symbol: 'BTCUSDT', instrumentType: 'spot', start: '2023-12-01', end: '2024-01-01' } as const;
  const questions = {
    '1h, rows': () => warehouse.rows(ohlcv, { ...month, timeframe: '1h' }),
    '1m, columns': () => warehouse.columns(ohlcvFigures, { ...month, timeframe: '1m' }),
    '1m, rows': () => warehouse.rows(ohlcv, { ...month, timeframe: '1m' }),
  };
  const figures: Figure[] = [];
  for (const [what, question] of Object.entries(questions)) {
    const times: number[] = [];
    for (let turn = 0; turn < asks; turn++) {
      const started = performance.now();
      await question();
      times.push((performance.now() - started) / 1000);
    }
    const time = median(times.slice(1));
    figures.push({
      ...{
        bar: 'bars',
        what: `one month of ${what}`,
        ours: `${seconds(time)}, first ${seconds(times[0] ?? Number.NaN)}`,
      },
      ...{ peer: '', ratio: '', demand: '< 0.050 s', holds: time < 0.05 },
    });
  }
  return figures;
}
