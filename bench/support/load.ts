import { readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { measure } from './measure.ts';
import type { BenchOptions, Figure } from './options.ts';
import { type Project, runPipeline, targetDir } from './pipeline.ts';
import { median, medianRatio, megabytes, seconds } from './report.ts';
import { type Contestant, partsOf, peakOf, race } from './rounds.ts';

interface LoadInput {
  /** Describes the load in the title and the table. */
  readonly title: string;
  readonly project: Project;
  readonly options: BenchOptions;
  /** Data lines of all staged files. */
  readonly rows: number;
  /** The maximum ratio to the time of the hand-written statement. */
  readonly atMost: number;
  /** The minimum rate. */
  readonly rowsPerSecond?: number;
}

const names = {
  ours: 'ohlcv, tests included',
  bare: 'ohlcv without its tests',
  peer: 'CREATE TABLE AS … read_csv',
} as const;

/** Loads the staged files into a new warehouse, in turn with a hand-written statement. */
export async function raceLoads(input: LoadInput): Promise<readonly Figure[]> {
  const { title, project, options, rows } = input;
  await runPipeline(project, ['--select', 'listing', 'klines']);
  const warehouse = join(targetDir(project), 'warehouse.duckdb');
  const database = join(project.dataDir, 'hand-written.duckdb');
  const list = join(project.dataDir, 'files');
  writeFileSync(list, stagedFiles(join(targetDir(project), 'staging/futures-um')).join('\n'));

  const forget = async (file: string) => {
    for (const one of [file, `${file}.wal`]) rmSync(one, { force: true });
  };
  const anew = ['--full-refresh', '--select', 'listing', 'klines', 'ohlcv'];
  const model = (name: string, ...exclude: readonly string[]): Contestant => ({
    name,
    prepare: () => forget(warehouse),
    async run() {
      const { nodes, ...usage } = await runPipeline(project, [...anew, ...exclude]);
      return { ...usage, partSeconds: nodes.get('model.ohlcv') as number };
    },
  });
  const contestants: readonly Contestant[] = [
    model(names.ours),
    model(names.bare, '--exclude', 'kind:test'),
    {
      name: names.peer,
      prepare: () => forget(database),
      async run() {
        const script = join(import.meta.dirname, '../hand-written.ts');
        const { stdout, ...usage } = await measure([process.execPath, script, database, list, project.timeframe]);
        const answer = JSON.parse(stdout) as { seconds: number; rows: number };
        if (answer.rows !== rows) throw new Error(`the hand-written table has ${answer.rows} rows instead of ${rows}`);
        return { ...usage, partSeconds: answer.seconds };
      },
    },
  ];
  const laps = await race(title, contestants, options);

  const peer = partsOf(laps, names.peer);
  const perSecond = (time: number): string => `${(rows / time / 1e6).toFixed(2)} M rows/s`;
  const line = (name: string): Figure => {
    const ours = partsOf(laps, name);
    const ratio = medianRatio(ours, peer);
    const fast = input.rowsPerSecond === undefined || rows / median(ours) > input.rowsPerSecond;
    const demand = input.rowsPerSecond === undefined ? '' : `, > ${input.rowsPerSecond / 1e6} M rows/s`;
    return {
      ...{ bar: 'S3', what: `${title}: ${name}`, ours: `${seconds(median(ours))}, ${perSecond(median(ours))}` },
      ...{ peer: `${seconds(median(peer))}, ${perSecond(median(peer))}`, ratio: ratio.toFixed(2) },
      ...{ demand: `≤ ${input.atMost}${demand}`, holds: ratio <= input.atMost && fast },
    };
  };
  const memory = { ours: megabytes(peakOf(laps, names.ours)), peer: megabytes(peakOf(laps, names.peer)) };
  return [
    line(names.ours),
    line(names.bare),
    { ...memory, bar: 'S7', what: `${title}: peak memory`, ratio: '', demand: 'DuckDB’s memory_limit' },
  ];
}

const stagedFiles = (directory: string): readonly string[] =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.csv'))
    .map((name) => join(directory, name));
