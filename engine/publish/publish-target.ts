import { hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { about } from '../about.ts';
import type { Pipeline } from '../config/load.ts';
import type { PublicationSpec } from '../config/spec.ts';
import type { ResolvedTarget } from '../config/target.ts';
import type { Vars } from '../config/vars.ts';
import { sumsFile, sumsText, writeWhole } from '../disk.ts';
import { duckdbVersion, openWarehouse } from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import { countOf, formatBytes } from '../format.ts';
import type { Graph } from '../graph/graph.ts';
import { defaultMemoryLimit, queriesWaitMs } from '../limits.ts';
import { lockTarget } from '../target/lock.ts';
import { sourcesLock, type TargetPaths } from '../target/paths.ts';
import { readRecord, updateRecord } from '../target/record.ts';
import { type Audited, audit } from './audit.ts';
import {
  historyFile,
  jsonBytes,
  type Latest,
  latestFile,
  type Manifest,
  type ManifestFile,
  manifestFile,
  type Published,
  parseManifest,
  readLatest,
  readManifest,
  versionFolder,
} from './manifest.ts';
import { prepareFiles } from './prepare.ts';
import { expiredVersions, removeVersions } from './retention.ts';
import type { LocalFile, Store } from './store.ts';
import { transferAll } from './transfer.ts';

export interface PublishOptions {
  readonly pipeline: Pipeline;
  readonly graph: Graph;
  readonly vars: Vars;
  readonly target: ResolvedTarget;
  readonly paths: TargetPaths;
  /** Name and declaration of the publication. */
  readonly name: string;
  readonly spec: PublicationSpec;
  readonly store: Store;
  /** Shows what would be published, and leaves the store as it is. */
  readonly dryRun: boolean;
  /** Publishes even if the latest version does not come from this target. */
  readonly replace: boolean;
  readonly wait: boolean;
  readonly now: Date;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Publishes the warehouse as its last run has left it, as a new version: first all files under names of their own, then
 * one conditional switch of latest.json. Until then readers see the version before, and a publication that was killed
 * is completed by the next one.
 * @throws PipelineError NOT_PUBLISHABLE, PUBLISH_CONFLICT, PUBLICATION_OUTDATED, PUBLICATION_UNREADABLE,
 * PUBLICATION_BLOCKED, ARCHIVE_DIFFERS, RUN_LOCKED, and those of the store
 */
export async function publish(options: PublishOptions): Promise<void> {
  const { paths, name, store, print, spec } = options;
  await using lock = await lockTarget(paths.root, {
    ...{ command: `pipeline publish ${name}`, since: options.now, wait: options.wait, tell: print },
    signal: options.signal,
  });
  const signal = AbortSignal.any([options.signal, lock.lost]);
  const audited = await audit({ ...options, target: options.target.name, signal });
  const version = versionOf(audited);
  const before = await readLatest(store);
  const directory = path.join(paths.publishing, name, version);
  if (before?.latest.version === version) {
    print(`${version} is already published at ${store.address}`);
    if (!options.dryRun) await settle(before.latest);
    return;
  }
  const previous = before === undefined ? undefined : await readManifest(store, before.latest);
  expectSuccessor(options, { before, previous, version });
  // A publication that was killed needs its files again: they must be those that it has stored.
  const isBegun = existsSync(path.join(directory, manifestFile));
  const manifest = await prepare(options, { audited, version, directory, previous, signal });
  if (options.dryRun) {
    for (const line of describe(manifest, previous)) print(line);
    if (!isBegun) await rm(paths.publishing, { recursive: true });
    print(`would publish ${version} to ${store.address}`);
    return;
  }
  const folder = versionFolder(version);
  // A publisher that was killed right after its switch has not done this.
  if (before !== undefined) await noteInHistory(store, before.latest);
  await upload(store, { manifest, previous, before: before?.latest.folder, directory, folder });
  const latest: Latest = {
    ...{ format: 1, publication: name, version, run_id: manifest.run_id, as_of: manifest.as_of },
    published_at: options.now.toISOString(),
    folder,
    manifest_sha256: hash('sha256', await readFile(path.join(directory, manifestFile))),
    previous: manifest.previous,
  };
  lock.confirm();
  if (!(await store.replace(latestFile, jsonBytes(latest), before?.tag))) {
    const winner = (await readLatest(store))?.latest.version ?? 'another version';
    if (winner !== version) {
      await removeVersions(store, [version]);
      await rm(paths.publishing, { recursive: true, force: true });
      throw conflict(store, `another publisher published ${winner} at the same time`);
    }
  }
  for (const line of describe(manifest, previous)) print(line);
  print(`published ${version} to ${store.address}`);
  await settle(latest);

  /** What follows the switch; a publication that was killed after it does this when it is called again. */
  async function settle(published: Latest): Promise<void> {
    await noteInHistory(store, published);
    const { versions = [] } = readRecord(paths.root) ?? {};
    const others = versions.filter((one) => one !== published.version);
    await updateRecord(paths.root, { versions: [...others, published.version].slice(-rememberedVersions) });
    const { keep, pinned } = spec;
    const removed = await expiredVersions(store, { keep, pinned, latest: version });
    await removeVersions(store, removed);
    if (removed.length > 0) print(`removed ${countOf(removed.length, 'old version')}`);
    await rm(paths.publishing, { recursive: true, force: true });
  }
}

const rememberedVersions = 400;

const noteInHistory = (store: Store, latest: Latest): Promise<boolean> =>
  store.replace(historyFile(latest.version), jsonBytes(latest), undefined);

/** `20250710T090000Z-20261120T103000Z-ab12`: the run's clock and its id. */
const versionOf = ({ run }: Audited): string => `${run.asOf.replace(/[-:]|\.\d+/g, '')}-${run.runId}`;

/**
 * A version may only follow one that is part of its own history, so that a new target never takes the place of the
 * whole history (B14), and of two publishers one wins.
 */
function expectSuccessor(
  { store, name, paths, replace, target }: PublishOptions,
  {
    before,
    previous,
    version,
  }: { readonly before: Published | undefined; readonly previous: Manifest | undefined; readonly version: string },
): void {
  if (before === undefined || previous === undefined) return;
  const { latest } = before;
  if (latest.publication !== name) {
    throw new PipelineError('PUBLISH_CONFLICT', `this is the place of the publication ${latest.publication}`, {
      file: store.address,
      hint: `publish ${name} to another place: --to, or publications.${name}.to in pipeline.yaml`,
    });
  }
  if (previous.synthetic !== target.synthetic) {
    const kind = (synthetic: boolean) => (synthetic ? 'synthetic' : 'real');
    const text = `the publication has ${kind(previous.synthetic)} data, but the target is ${kind(target.synthetic)}`;
    throw new PipelineError('ARCHIVE_DIFFERS', `${text}; nothing was published`, {
      file: store.address,
      hint: 'publish it to another place: --to',
    });
  }
  const { versions = [] } = readRecord(paths.root) ?? {};
  if (!replace && !versions.includes(latest.version))
    throw conflict(store, `the latest version there, ${latest.version}, does not come from this target`);
  if (latest.version > version) {
    throw new PipelineError(
      'PUBLICATION_OUTDATED',
      `this target is at ${version}, but the newer version ${latest.version} is already published; nothing was published`,
      { file: store.address, hint: 'run the target first: pnpm pipeline run, or restore the newer version elsewhere' },
    );
  }
}

const conflict = (store: Store, message: string): PipelineError =>
  new PipelineError('PUBLISH_CONFLICT', `${message}; nothing was published`, {
    file: store.address,
    hint: 'restore that version in a new target (pnpm pipeline restore), run it and publish again; or, to let this target take its place: publish --replace',
  });

interface Preparation {
  readonly audited: Audited;
  readonly version: string;
  readonly directory: string;
  readonly previous: Manifest | undefined;
  readonly signal: AbortSignal;
}

/** Writes the version's files. Those of a publication that was killed are used again, since stored ones must match. */
async function prepare(
  options: PublishOptions,
  { audited, version, directory, previous, signal }: Preparation,
): Promise<Manifest> {
  const { pipeline, graph, paths, target, name, spec } = options;
  const { run, project, vars, migration } = audited;
  const own = path.join(directory, manifestFile);
  if (existsSync(own)) {
    const known = parseManifest(await readFile(own));
    if (known?.version === version && known.previous === (previous?.version ?? null)) return known;
  }
  await rm(paths.publishing, { recursive: true, force: true });
  const asOf = new Date(run.asOf);
  await using warehouse = await openWarehouse({
    ...{ file: paths.warehouse, readOnly: true, asOf, waitMs: queriesWaitMs, signal },
    memoryLimit: defaultMemoryLimit,
  });
  const { files, tables, definitions } = await prepareFiles({
    ...{ pipeline, graph, project, vars, spec, paths, target, asOf, directory, previous, warehouse, signal },
  });
  const manifest: Manifest = {
    ...{ format: 1, publication: name, version, run_id: run.runId, as_of: run.asOf },
    project: pipeline.spec.name,
    target: target.name,
    synthetic: target.synthetic,
    previous: previous?.version ?? null,
    sources_lock: await digestOfLock(pipeline.root),
    software: {
      [about.name]: about.version,
      node: process.version,
      duckdb: await duckdbVersion(warehouse),
    },
    schema: { migration, tables: definitions },
    files,
    tables,
  };
  writeWhole(own, jsonBytes(manifest)); // last: it says that the files are complete
  return manifest;
}

async function digestOfLock(root: string): Promise<string | null> {
  const file = sourcesLock(root);
  return existsSync(file) ? hash('sha256', await readFile(file)) : null;
}

interface Upload {
  readonly manifest: Manifest;
  readonly previous: Manifest | undefined;
  /** The folder of the version before. */
  readonly before: string | undefined;
  readonly directory: string;
  readonly folder: string;
}

/** Stores the files of a version, then its sums and its manifest. */
async function upload(store: Store, { manifest, previous, before, directory, folder }: Upload): Promise<void> {
  const stored = new Map(previous?.files.map((file) => [file.sha256, file.path]));
  await transferAll(manifest.files, async (file) => {
    const from = stored.get(file.sha256);
    const to = `${folder}/${file.path}`;
    if (from !== undefined) await store.copy(`${before}/${from}`, to, file);
    else await store.add(to, { file: path.join(directory, file.path), size: file.size, sha256: file.sha256 });
  });
  const own = path.join(directory, manifestFile);
  const sums = path.join(directory, sumsFile);
  const manifestLine = [manifestFile, hash('sha256', await readFile(own))] as const;
  writeWhole(sums, sumsText([...manifest.files.map((file) => [file.path, file.sha256] as const), manifestLine]));
  for (const file of [own, sums]) await store.add(`${folder}/${path.basename(file)}`, await localFile(file));
}

async function localFile(file: string): Promise<LocalFile> {
  const bytes = await readFile(file);
  return { file, size: bytes.length, sha256: hash('sha256', bytes) };
}

/** A line per file or data set, and a total. */
function* describe(manifest: Manifest, previous: Manifest | undefined): Generator<string> {
  const before = new Set(previous?.files.map(({ sha256 }) => sha256));
  const isNew = ({ sha256 }: ManifestFile) => !before.has(sha256);
  const groups = Map.groupBy(manifest.files, ({ path: name }) => name.replace(/\/.*$/, '/'));
  for (const [name, files] of groups) {
    const bytes = files.reduce((sum, { size }) => sum + size, 0);
    const changed = files.filter(isNew).length;
    const what = name.endsWith('/')
      ? `${countOf(files.length, 'file')}, ${changed} new or changed`
      : changed > 0
        ? 'new'
        : 'unchanged';
    yield `  ${name.padEnd(36)} ${formatBytes(bytes).padStart(9)}  ${what}`;
  }
  const sent = manifest.files.filter(isNew).reduce((sum, { size }) => sum + size, 0);
  yield `  ${countOf(manifest.files.length, 'file')}, ${formatBytes(sent)} to send`;
}
