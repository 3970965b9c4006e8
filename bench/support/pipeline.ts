import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { parseDocument, visit } from 'yaml';
import { type Measured, measure } from './measure.ts';

const root = join(import.meta.dirname, '../..');

export interface Project {
  /** A pipeline.yaml. */
  readonly file: string;
  readonly dataDir: string;
  readonly archiveUrl: string;
  readonly listingUrl: string;
  /** The run's clock. */
  readonly asOf: string;
  readonly vars?: Readonly<Record<string, string>>;
}

export interface PipelineRun extends Measured {
  /** Seconds of each node by its id, in the order in which they ended. */
  readonly nodes: ReadonlyMap<string, number>;
}

/** The folder of the target that runs of a project write to. */
export const targetDir = ({ dataDir }: Pick<Project, 'dataDir'>): string => join(dataDir, 'mirror');

/** `pnpm pipeline run` without pnpm, as a process of its own. */
export async function runPipeline(project: Project, args: readonly string[]): Promise<PipelineRun> {
  const { file, dataDir, archiveUrl, listingUrl, asOf, vars = {} } = project;
  const measured = await measure(
    [
      ...[process.execPath, join(root, 'engine/cli/main.ts'), 'run', ...args],
      ...['--target', 'mirror', '--pipeline', file, '--data-dir', dataDir, '--as-of', asOf],
      ...Object.entries(vars).flatMap(([name, value]) => ['--var', `${name}=${value}`]),
    ],
    { env: { ...ownEnvironment(), PIPELINE_ARCHIVE_URL: archiveUrl, PIPELINE_LISTING_URL: listingUrl } },
  );
  const artifact = readFileSync(join(targetDir(project), 'artifacts/run_results.json'), 'utf8');
  const { results } = JSON.parse(artifact) as { results: { unique_id: string; execution_time: number }[] };
  return { ...measured, nodes: new Map(results.map((it) => [it.unique_id, it.execution_time])) };
}

const ownEnvironment = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(PIPELINE_|NODE_OPTIONS$)/.test(name)));

/** A copy of the project's pipeline.yaml, elsewhere, whose extracts take these timeframes. */
export function writeProject(directory: string, timeframes: readonly string[], availability: boolean): string {
  const document = parseDocument(readFileSync(join(root, 'pipeline.yaml'), 'utf8'));
  for (const extract of ['listing', 'klines'])
    document.setIn(['extracts', extract, 'with', 'timeframes'], document.createNode(timeframes));
  document.setIn(['extracts', 'listing', 'with', 'availability'], availability);
  visit(document, {
    Pair(_, pair) {
      const { key, value } = pair as { key: { value?: unknown }; value: { value?: unknown } };
      const isPath = key.value === 'use' || key.value === 'schema';
      if (isPath && typeof value?.value === 'string') value.value = relative(directory, join(root, value.value));
    },
  });
  mkdirSync(directory, { recursive: true });
  const file = join(directory, 'pipeline.yaml');
  writeFileSync(file, document.toString());
  return file;
}
