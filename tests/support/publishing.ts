import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { noteAsLeft } from '../../engine/duckdb/maintain.ts';
import { smallArchive, writeSmallArchive } from './archive.ts';
import { pipelineInProcess } from './pipeline.ts';
import { expectExit, warehouseOf } from './published.ts';
import { scratchProject } from './scratch.ts';
import { serveArchive } from './serve.ts';
import { tempDir } from './temp.ts';

const symbols = ['BTCUSDT', 'ETHUSDT'];
const days = smallArchive.days.slice(30);
const [lastDay, nextDay] = ['2025-07-08', '2025-07-09'];

/** The clocks of a run on the first day and on the second, when the archive has one day more. */
export const clocks = { first: '2025-07-09T12:00:00Z', second: '2025-07-10T12:00:00Z' } as const;

/** The name of the version that a run has made, without that of the run. */
export const versionAt = (clock: string): string => `${clock.replaceAll(/[-:]/g, '')}-`;

/** A small target that was run on a first day, and copies of it to publish from, restore into and run again. */
export async function publishingProject() {
  const project = await scratchProject();
  const archive = await writeSmallArchive(project.root, { symbols, days });
  if (days.at(-1) !== lastDay) throw new Error(`the archive ends on ${days.at(-1)}`);
  const server = await serveArchive(project.root);
  const fixed = ['--target', 'mirror', '--var', 'availability_timeframe=1d'];
  const own = { PIPELINE_ARCHIVE_URL: server.url };
  const callWith = (env: Readonly<Record<string, string>>, dataDir: string, ...args: readonly string[]) =>
    pipelineInProcess([...args, ...fixed], { dataDir, cwd: project.root, env: { ...own, ...env } });
  const call = (dataDir: string, ...args: readonly string[]) => callWith({}, dataDir, ...args);
  const first = await tempDir('first-');
  expectExit(await call(first, 'run', '--as-of', clocks.first), 0);

  return {
    root: project.root,
    edit: project.edit,
    call,
    callWith,
    /** Options and environment of a call in a process of its own. */
    fixed,
    env: own,
    requests: () => server.requests().filter((path) => path.endsWith('.zip')),
    /** A data folder with the target as the first run has left it. */
    async ranOnce(): Promise<string> {
      const dataDir = await tempDir('target-');
      await cp(first, dataDir, { recursive: true, preserveTimestamps: true });
      noteAsLeft(warehouseOf(dataDir)); // the copy is another file
      return dataDir;
    },
    /** Adds a day to the archive. */
    async publishDay(): Promise<void> {
      for (const symbol of symbols) await archive.putDay(symbol, nextDay);
      await server.rescan();
      server.requests();
    },
    /** Runs a target on the second day. */
    async runAgain(dataDir: string): Promise<void> {
      expectExit(await call(dataDir, 'run', '--as-of', clocks.second), 0);
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

export type PublishingProject = Awaited<ReturnType<typeof publishingProject>>;

export interface LatestFile {
  readonly version: string;
  readonly folder: string;
  readonly previous: string | null;
  readonly manifest_sha256: string;
}

export const readLatestFile = async (store: string): Promise<LatestFile> =>
  JSON.parse(await readFile(join(store, 'latest.json'), 'utf8'));
