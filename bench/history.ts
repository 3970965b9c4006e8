import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { openWarehouse } from '../engine/duckdb/warehouse.ts';
import { serveHistory } from './support/history.ts';
import type { BenchOptions, Figure } from './support/options.ts';
import { runPipeline, targetDir } from './support/pipeline.ts';
import { median, megabytes, seconds } from './support/report.ts';
import { partsOf, peakOf, race, secondsOf } from './support/rounds.ts';

const name = 'klinehouse';

/** Everything from nothing: the whole history at 1d is listed, staged, loaded, ranked, tested and exported. */
export async function benchHistory(options: BenchOptions): Promise<readonly Figure[]> {
  await using history = await serveHistory(options);
  const project = history.project('history');
  const files = history.archives.zips.length;
  const laps = await race(
    `${files.toLocaleString('en')} archives from ${history.files.name}: listed, staged, loaded`,
    [
      {
        name,
        prepare: async () => rmSync(project.dataDir, { recursive: true, force: true }),
        async run() {
          const { nodes, ...usage } = await runPipeline(project, []);
          const upToLoad = ['extract.listing', 'extract.klines', 'model.ohlcv'];
          return { ...usage, partSeconds: sum(upToLoad.map((id) => nodes.get(id) ?? Number.NaN)) };
        },
      },
    ],
    options.rounds,
  );
  const warehouse = join(targetDir(project), 'warehouse.duckdb');
  const loaded = await rowsWithVolume(warehouse);
  if (loaded !== history.rows) throw new Error(`${loaded} rows have a volume, ${history.rows} were published`);
  const rankings = join(targetDir(project), 'exports/volume_rankings.parquet');
  const loading = median(partsOf(laps, name));
  const whole = median(secondsOf(laps, name));
  const peak = peakOf(laps, name);
  const none = { peer: '', ratio: '', demand: '' };
  const figures: readonly Figure[] = [
    {
      ...{
        ...none,
        bar: 'history',
        what: `${files} files listed, staged, loaded: ${loaded} rows`,
        ours: seconds(loading),
      },
      ...{ ratio: `${Math.round(files / loading)} files/s`, demand: '< 60 s', holds: loading < 60 },
    },
    { ...none, bar: 'history', what: 'the whole run, with rankings, tests and exports', ours: seconds(whole) },
    { ...none, bar: 'history', what: 'warehouse.duckdb', ours: megabytes(statSync(warehouse).size) },
    { ...none, bar: 'history', what: 'volume_rankings.parquet', ours: megabytes(statSync(rankings).size) },
    { ...none, bar: 'S7', what: 'peak memory', ours: megabytes(peak), demand: '< 700 MB', holds: peak < 700e6 },
  ];
  rmSync(project.dataDir, { recursive: true });
  return figures;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

async function rowsWithVolume(file: string): Promise<number> {
  await using warehouse = await openWarehouse({ file, readOnly: true });
  const { rows } = await warehouse.row<{ rows: bigint }>('SELECT count(*) AS rows FROM ohlcv WHERE volume > 0');
  return Number(rows);
}
