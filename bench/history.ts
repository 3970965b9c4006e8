import { statSync } from 'node:fs';
import { join } from 'node:path';
import { openWarehouse } from '../engine/duckdb/warehouse.ts';
import { serveHistory } from './support/history.ts';
import type { BenchOptions, Figure } from './support/options.ts';
import { runPipeline, targetDir } from './support/pipeline.ts';
import { median, megabytes, seconds } from './support/report.ts';
import { type Contestant, partsOf, peakOf, race, secondsOf } from './support/rounds.ts';

const name = 'klinehouse';

/** The whole history at 1d from nothing: listed, staged, loaded, ranked, tested and exported. */
export async function benchHistory(options: BenchOptions): Promise<readonly Figure[]> {
  await using history = await serveHistory(options);
  const { rows } = history;
  const project = history.project('history');
  const files = history.archives.zips.length;
  const sizes = { warehouse: 0, rankings: 0 };
  const contestant: Contestant = {
    name,
    async run() {
      const { nodes, ...usage } = await runPipeline(project, []);
      const upToLoad = ['extract.listing', 'extract.klines', 'model.ohlcv'];
      return { ...usage, partSeconds: sum(upToLoad.map((id) => nodes.get(id) ?? Number.NaN)) };
    },
    async check() {
      const warehouse = join(targetDir(project), 'warehouse.duckdb');
      const loaded = await rowsWithVolume(warehouse);
      if (loaded !== rows) throw new Error(`${loaded} rows have a volume, ${rows} were published`);
      sizes.warehouse = statSync(warehouse).size;
      sizes.rankings = statSync(join(targetDir(project), 'exports/volume_rankings.parquet')).size;
    },
    output: project.dataDir,
  };
  const title = `${files.toLocaleString('en')} archives from ${history.files.name}: listed, staged, loaded`;
  const laps = await race(title, [contestant], options);

  const loading = median(partsOf(laps, name));
  const peak = peakOf(laps, name);
  const none = { bar: 'history', peer: '', ratio: '', demand: '' };
  return [
    {
      ...{ ...none, what: `${files} files listed, staged, loaded: ${rows} rows`, ours: seconds(loading) },
      ...{ ratio: `${Math.round(files / loading)} files/s`, demand: '< 60 s', holds: loading < 60 },
    },
    { ...none, what: 'whole run, with rankings, tests, exports', ours: seconds(median(secondsOf(laps, name))) },
    { ...none, what: 'warehouse.duckdb', ours: megabytes(sizes.warehouse) },
    { ...none, what: 'volume_rankings.parquet', ours: megabytes(sizes.rankings) },
    // For the whole run: most of it is DuckDB's, which may use its `memory_limit` of 1 GB in addition to the extract.
    { ...none, what: 'peak memory, DuckDB included', ours: megabytes(peak) },
  ];
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

async function rowsWithVolume(file: string): Promise<number> {
  await using warehouse = await openWarehouse({ file, readOnly: true });
  const { rows } = await warehouse.row<{ rows: bigint }>('SELECT count(*) AS rows FROM ohlcv WHERE volume > 0');
  return Number(rows);
}
