import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { pipeline as pipe } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Pipeline } from '../config/load.ts';
import type { ResolvedTarget } from '../config/target.ts';
import { fileDigest, syncFile } from '../disk.ts';
import {
  describeForeign,
  markForeign,
  noteAsLeft,
  openWarehouse,
  readSchema,
  recordConclusion,
  restoreRows,
  takeRecords,
} from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import { countOf, formatBytes, formatUtc } from '../format.ts';
import { defaultMemoryLimit } from '../limits.ts';
import { machineFault } from '../machine-fault.ts';
import { readMigrations } from '../migrations/folder.ts';
import { readStanding } from '../migrations/states.ts';
import { lockTarget } from '../target/lock.ts';
import { stateOfFile } from '../target/lost.ts';
import type { TargetPaths } from '../target/paths.ts';
import { readRecord, updateRecord } from '../target/record.ts';
import {
  type Latest,
  type Manifest,
  type ManifestFile,
  readLatest,
  readManifest,
  readVersion,
  stateFile,
  unreadable,
} from './manifest.ts';
import type { Store } from './store.ts';
import { transferAll } from './transfer.ts';

export interface RestoreTargetOptions {
  readonly pipeline: Pipeline;
  readonly target: ResolvedTarget;
  readonly paths: TargetPaths;
  /** Name of the publication. */
  readonly name: string;
  readonly store: Store;
  /** The version to restore; the latest one by default. */
  readonly version: string | undefined;
  /** Leaves the target empty, without an error, if nothing was ever published. */
  readonly ifPublished: boolean;
  readonly wait: boolean;
  readonly now: Date;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Makes an empty target what the published one was, so that the next run goes on from there. Everything is fetched,
 * verified and put together in a folder of its own first. The warehouse is moved into place last: before that no run
 * takes the target for a new one, and a restore that was killed is begun again by the next one.
 * @throws PipelineError TARGET_NOT_EMPTY, PUBLICATION_MISSING, PUBLICATION_OUTDATED, PUBLICATION_UNREADABLE,
 * ARCHIVE_DIFFERS, SCHEMA_NEWER, RUN_LOCKED, and those of the store
 */
export async function restoreTarget(options: RestoreTargetOptions): Promise<void> {
  const { paths, store, print, version } = options;
  await using lock = await lockTarget(paths.root, {
    ...{ command: 'pipeline restore', since: options.now, wait: options.wait, tell: print, signal: options.signal },
  });
  const signal = AbortSignal.any([options.signal, lock.lost]);
  const work = path.join(paths.root, 'restoring');
  if (existsSync(work) && stateOfFile(paths.warehouse) === 'there') {
    await rm(work, { recursive: true });
    noteAsLeft(paths.warehouse);
    print(`an earlier restore had already completed ${paths.root}`);
    return;
  }
  const latest = version === undefined ? (await readLatest(store))?.latest : await readVersion(store, version);
  if (latest !== undefined && isRestored(paths, latest)) {
    print(`${paths.root} is already what ${latest.version} was`);
    return;
  }
  if (!existsSync(work)) await expectEmpty(paths);
  if (latest === undefined) {
    if (!options.ifPublished) throw nothingPublished(store);
    print(`nothing has been published at ${store.address} yet: the target stays empty`);
    return;
  }
  const manifest = await readManifest(store, latest);
  expectOwn(manifest, options);
  await rm(work, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const bytes = await fetchAll(manifest, { ...options, latest, work, signal });
  print(`fetched and verified ${bytes} of ${latest.version}`);
  await assemble(manifest, { ...options, work, signal });
  lock.confirm();
  await moveIntoPlace(paths, work, latest);
  print(
    `restored ${paths.warehouse} from ${store.address}, as of ${formatUtc(new Date(latest.as_of))}; go on with: pnpm pipeline run`,
  );
}

/** True if the version was restored into the target, and nothing has run there since. */
const isRestored = ({ root, warehouse, artifacts }: TargetPaths, { version }: Latest): boolean =>
  stateOfFile(warehouse) === 'there' && !existsSync(artifacts) && readRecord(root)?.versions?.at(-1) === version;

/** Files that do not make a target: its lock, and logs. */
const harmless = /^(run\.lock.*|logs|publishing)$/;

async function expectEmpty({ root }: TargetPaths): Promise<void> {
  for (const name of (await readdir(root)).sort()) {
    if (harmless.test(name)) continue;
    const file = path.join(root, name);
    if ((await stat(file)).isDirectory() && (await readdir(file)).length === 0) continue;
    throw new PipelineError('TARGET_NOT_EMPTY', 'the target is not empty; nothing was changed', {
      file,
      hint: 'restore into another folder with --data-dir, or move this target away first',
    });
  }
}

const nothingPublished = (store: Store) =>
  new PipelineError('PUBLICATION_MISSING', 'nothing has been published there yet', {
    file: store.address,
    hint: 'check the address; before the very first publication, restore --if-published leaves the target empty',
  });

function expectOwn(manifest: Manifest, { target, name, store }: RestoreTargetOptions): void {
  if (manifest.publication !== name) {
    throw new PipelineError('PUBLICATION_MISSING', `this is the place of the publication ${manifest.publication}`, {
      file: store.address,
      hint: `name that one: pnpm pipeline restore ${manifest.publication}`,
    });
  }
  if (manifest.synthetic === target.synthetic) return;
  const kind = (synthetic: boolean) => (synthetic ? 'synthetic' : 'real');
  throw new PipelineError(
    'ARCHIVE_DIFFERS',
    `the publication has ${kind(manifest.synthetic)} data, but the target is ${kind(target.synthetic)}; nothing was changed`,
    { file: store.address, hint: 'choose the target that it was published from: --target' },
  );
}

interface Work extends RestoreTargetOptions {
  /** The folder in which the target is put together. */
  readonly work: string;
}

const fetched = (work: string, name: string): string => path.join(work, 'files', ...name.split('/'));

/** Fetches the state and the files of the tables that are not in it. @returns their size, for people */
async function fetchAll(manifest: Manifest, options: Work & { readonly latest: Latest }): Promise<string> {
  const { store, latest, work, signal } = options;
  const places = Object.values(manifest.tables);
  const databases = new Set(places.flatMap((place) => ('database' in place ? [place.database] : [])));
  const datasets = places.flatMap((place) => ('dataset' in place ? [`${place.dataset}/`] : []));
  const wanted = manifest.files.filter(
    (file) =>
      file.path === stateFile || databases.has(file.path) || datasets.some((folder) => file.path.startsWith(folder)),
  );
  await transferAll(wanted, async (file) => {
    signal.throwIfAborted();
    await mkdir(path.dirname(fetched(work, file.path)), { recursive: true });
    await fetchVerified(file);
  });
  return `${countOf(wanted.length, 'file')}, ${formatBytes(wanted.reduce((sum, { size }) => sum + size, 0))},`;

  async function fetchVerified({ path: name, size, sha256 }: ManifestFile): Promise<void> {
    const to = fetched(work, name);
    const from = `${latest.folder}/${name}`;
    let problem = '';
    for (let attempt = 1; attempt <= attempts; attempt++) {
      if (!(await store.fetch(from, to))) throw unreadable(store, `${from} is missing`);
      const got = (await stat(to)).size;
      if (got === size && (await fileDigest(to)) === sha256) return;
      problem = got === size ? 'its contents are not those that were published' : `it has ${got} bytes of ${size}`;
    }
    throw unreadable(store, `${from} is damaged: ${problem}`);
  }
}

/** A transfer may be cut; what is damaged in the store stays so. */
const attempts = 3;

/** Makes the warehouse and the other files of the target from what was fetched. */
async function assemble(manifest: Manifest, { store, work, pipeline, signal }: Work): Promise<void> {
  const file = path.join(work, 'state.db');
  try {
    await pipe(createReadStream(fetched(work, stateFile)), createGunzip(), createWriteStream(file));
  } catch (error) {
    throw machineFault(error, file);
  }
  {
    await using warehouse = await openWarehouse({ file, memoryLimit: defaultMemoryLimit, signal });
    await readStanding(warehouse, await readMigrations(pipeline.root));
    const schema = await readSchema(warehouse);
    for (const [name, place] of Object.entries(manifest.tables)) {
      const table = schema[name];
      if (table === undefined) throw unreadable(store, `its state has no table ${name}`);
      if ('dataset' in place && !existsSync(fetched(work, place.dataset))) continue; // it has no rows
      const from =
        'database' in place
          ? ({ kind: 'database', file: fetched(work, place.database) } as const)
          : ({ kind: 'dataset', folder: fetched(work, place.dataset), partitionBy: place.partition_by } as const);
      await restoreRows(warehouse, table, from);
    }
    await takeRecords(warehouse, path.join(work, 'records'));
    const [differs] = describeForeign(await markForeign(warehouse, await readSchema(warehouse), 'restore'));
    if (differs !== undefined) throw unreadable(store, `its rows are not those that were published: ${differs}`);
    // Exports are not published; the next run writes them.
    for (const name of Object.keys(pipeline.spec.exports))
      await recordConclusion(warehouse, { kind: 'export', name }, undefined, { runId: 'restore' });
    await warehouse.run('CHECKPOINT');
  }
  await syncFile(file);
}

/** The record comes first: it says that there is a warehouse, so that a run refuses to begin a new one. */
async function moveIntoPlace(paths: TargetPaths, work: string, { version }: Latest): Promise<void> {
  const records = path.join(work, 'records');
  const { format: _, versions = [], ...record } = readRecord(records) ?? {};
  await updateRecord(paths.root, { ...record, versions: [...versions.filter((one) => one !== version), version] });
  await rm(paths.staging, { recursive: true, force: true });
  const staging = path.join(records, 'staging');
  if (existsSync(staging)) await rename(staging, paths.staging);
  await rename(path.join(work, 'state.db'), paths.warehouse);
  noteAsLeft(paths.warehouse);
  await rm(work, { recursive: true });
}
