import { hash } from 'node:crypto';
import { z } from 'zod';
import { PipelineError } from '../errors.ts';
import type { Store } from './store.ts';

/** The name of the only file of a store that changes. */
export const latestFile = 'latest.json';
export const manifestFile = 'manifest.json';
/** The tables and files that a target needs to go on elsewhere. */
export const stateFile = 'state/state.db.gz';
export const versionFolder = (version: string): string => `versions/${version}`;
/** Each version that was the latest one has a file here, written after the switch: that is how a reader knows it was. */
const historyFolder = 'history';
export const historyFile = (version: string): string => `${historyFolder}/${version}.json`;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** Sorts by the run's clock, then by the time of the run. */
const version = z.string().regex(/^\d{8}T\d{6}Z-[\w-]+$/);
const path = z.string().regex(/^(?!\/)(?!.*(^|\/)\.\.?(\/|$)).+$/);

const latest = z.object({
  format: z.literal(1),
  publication: z.string(),
  version,
  run_id: z.string(),
  as_of: z.iso.datetime(),
  published_at: z.iso.datetime(),
  /** Path of the version's folder. */
  folder: path,
  manifest_sha256: sha256,
  previous: version.nullable(),
});

/** `latest.json`: the version that readers should read, and the digest of its manifest. */
export type Latest = z.infer<typeof latest>;

const folderPart = z.union([z.string(), z.object({ year: z.string() })]);

const manifest = z.object({
  format: z.literal(1),
  publication: z.string(),
  version,
  run_id: z.string(),
  as_of: z.iso.datetime(),
  project: z.string(),
  target: z.string(),
  /** True if the data is not real. */
  synthetic: z.boolean(),
  previous: version.nullable(),
  /** SHA-256 of sources.lock next to pipeline.yaml, if there is one. */
  sources_lock: sha256.nullable(),
  software: z.record(z.string(), z.string()),
  /** Number of the last migration, and a digest of each published table's definition. */
  schema: z.object({ migration: z.int(), tables: z.record(z.string(), z.string()) }),
  files: z.array(
    z.object({
      path,
      size: z.int().min(0),
      sha256,
      rows: z.int().min(0).exactOptional(),
      /** Of a partition of a data set: a digest of its rows, by which it is known to be unchanged. */
      rows_digest: z.string().exactOptional(),
    }),
  ),
  /** Where `restore` finds the rows of the tables that are not in the state. */
  tables: z.record(
    z.string(),
    z.union([z.object({ database: path }), z.object({ dataset: path, partition_by: z.array(folderPart) })]),
  ),
});

/** `manifest.json` of a version: what it was made from, and every file of it. */
export type Manifest = z.infer<typeof manifest>;
export type ManifestFile = Manifest['files'][number];

export const jsonBytes = (value: unknown): Buffer => Buffer.from(`${JSON.stringify(value, null, 2)}\n`);

/** The newest version of a store, and the tag by which it can be replaced. */
export interface Published {
  readonly latest: Latest;
  readonly tag: string;
}

/** Returns the versions that were published and are kept, the newest last. */
export async function publishedVersions(store: Store): Promise<readonly string[]> {
  const names = await store.names(historyFolder);
  return names.flatMap((name) => (name.endsWith('.json') ? [name.slice(0, -'.json'.length)] : [])).sort();
}

/**
 * Reads the newest version; undefined if nothing was ever published.
 * @throws PipelineError PUBLICATION_UNREADABLE if there are versions but no valid latest.json, PUBLICATION_OUTDATED if it
 * names a version older than one that was published (B14)
 */
export async function readLatest(store: Store): Promise<Published | undefined> {
  const [file, versions] = await Promise.all([store.read(latestFile), publishedVersions(store)]);
  const newest = versions.at(-1);
  if (file === undefined) {
    if (newest === undefined) return undefined;
    throw unreadable(
      store,
      `${latestFile} is missing, although the version ${newest} was published`,
      restoreLatest(newest),
    );
  }
  const parsed = latest.safeParse(parseJson(file.bytes));
  if (!parsed.success) {
    const next = newest === undefined ? undefined : restoreLatest(newest);
    throw unreadable(store, `${latestFile} cannot be read: ${z.prettifyError(parsed.error)}`, next);
  }
  if (newest !== undefined && newest > parsed.data.version) {
    throw new PipelineError(
      'PUBLICATION_OUTDATED',
      `${latestFile} names the version ${parsed.data.version}, but ${newest} was published after it; nothing was changed`,
      { file: store.address, hint: restoreLatest(newest) },
    );
  }
  return { latest: parsed.data, tag: file.tag };
}

const restoreLatest = (newest: string): string =>
  `if another program changed it, copy ${historyFile(newest)} to ${latestFile}`;

/**
 * Reads the manifest of a version.
 * @throws PipelineError PUBLICATION_UNREADABLE if it is missing or not the one that was published
 */
export async function readManifest(store: Store, { folder, manifest_sha256: wanted }: Latest): Promise<Manifest> {
  const name = `${folder}/${manifestFile}`;
  const file = await store.read(name);
  if (file === undefined) throw unreadable(store, `${name} is missing`);
  if (hash('sha256', file.bytes) !== wanted) throw unreadable(store, `${name} is not the one that was published`);
  const parsed = parseManifest(file.bytes);
  if (parsed !== undefined) return parsed;
  throw unreadable(store, `${name} cannot be read: a newer version of this program may have written it`);
}

/** Undefined if it is not a manifest of this version of the program. */
export const parseManifest = (bytes: Buffer): Manifest | undefined => manifest.safeParse(parseJson(bytes)).data;

/** Reads the entry of a version that was published earlier. @throws PipelineError PUBLICATION_MISSING */
export async function readVersion(store: Store, name: string): Promise<Latest> {
  const file = await store.read(historyFile(name));
  const parsed = file === undefined ? undefined : latest.safeParse(parseJson(file.bytes));
  if (parsed?.success) return parsed.data;
  if (parsed !== undefined) throw unreadable(store, `${historyFile(name)} cannot be read`);
  const known = await publishedVersions(store);
  throw new PipelineError('PUBLICATION_MISSING', `the version ${name} is not there`, {
    file: store.address,
    hint: known.length === 0 ? 'nothing has been published there yet' : `versions are: ${known.slice(-5).join(', ')}`,
  });
}

export const unreadable = (store: Store, message: string, hint?: string): PipelineError =>
  new PipelineError('PUBLICATION_UNREADABLE', `${message}; nothing was changed`, {
    file: store.address,
    hint: hint ?? 'restore an earlier version with --at VERSION; the folder history/ names them',
  });

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return undefined;
  }
}
