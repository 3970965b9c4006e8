import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Measured, measure } from './measure.ts';

const root = join(import.meta.dirname, '../..');

/** The settings that the runs of one benchmark share. */
export interface Project {
  readonly dataDir: string;
  readonly archiveUrl: string;
  readonly listingUrl: string;
  /** The run's clock. */
  readonly asOf: string;
  readonly timeframe: string;
  /** The timeframe whose listing shows which symbols are available. */
  readonly availability: string;
}

export interface PipelineRun extends Measured {
  /** Seconds of each node by id, in the order in which they ended. */
  readonly nodes: ReadonlyMap<string, number>;
}

/** Returns the target's folder, which runs of a project write to. */
export const targetDir = ({ dataDir }: Pick<Project, 'dataDir'>): string => join(dataDir, 'mirror');

/** Runs `pnpm pipeline run` without pnpm, in its own process. */
export async function runPipeline(project: Project, args: readonly string[]): Promise<PipelineRun> {
  const { dataDir, archiveUrl, listingUrl, asOf, timeframe, availability } = project;
  const measured = await measure(
    [
      ...[process.execPath, join(root, 'engine/cli/main.ts'), 'run', ...args],
      ...['--target', 'mirror', '--data-dir', dataDir, '--as-of', asOf],
      ...['--timeframes', timeframe, '--var', `availability_timeframe=${availability}`],
    ],
    { cwd: root, env: { ...ownEnvironment(), PIPELINE_ARCHIVE_URL: archiveUrl, PIPELINE_LISTING_URL: listingUrl } },
  );
  const artifact = readFileSync(join(targetDir(project), 'artifacts/run.json'), 'utf8');
  const { results } = JSON.parse(artifact) as { results: { unique_id: string; execution_time: number }[] };
  return { ...measured, nodes: new Map(results.map((it) => [it.unique_id, it.execution_time])) };
}

const ownEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(PIPELINE_|NODE_OPTIONS$)/.test(name)));
