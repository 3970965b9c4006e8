import { existsSync, renameSync, rmSync } from 'node:fs';
import { asideOf, renameMaking, replaceFile } from '../../engine/aside.ts';
import { type ArchiveKey, archiveName } from '../../exchange/keys.ts';
import { type ArchiveClient, objectUrl } from '../archive/client.ts';
import type { Failure } from '../failure.ts';
import { createMd5, type Md5 } from '../kernel/kernel.ts';
import type { ListedObject } from '../listing/series-state.ts';
import { fetchChecksum, isMd5 } from '../verify/checksum.ts';
import { formatReason, type Reason, reason } from '../verify/reason.ts';
import type { LedgerEntry } from './journal.ts';
import { badValue, type KnownDefect, knownDefect } from './known-defects.ts';
import { rejectedFile, spoolFile, stagedFile, supersededFile } from './paths.ts';
import { type BufferPool, createBufferPool, diskSpool, fetchZip, memorySpool, type Spool } from './spool.ts';
import { type Unpacked, unpackAside } from './unpack.ts';

export interface StageOptions {
  readonly client: ArchiveClient;
  /** The buffers for zips in memory. */
  readonly buffers: BufferPool;
  readonly md5: Md5;
  /** Base URL of the archive. */
  readonly archiveUrl: string;
  readonly stagingDir: string;
  readonly asOf: Date;
  /** `checksum` fetches every CHECKSUM file, `etag` only those of objects whose ETag is not an MD5. */
  readonly verify: 'etag' | 'checksum';
  /** What to do with a file whose MD5 is the listed one but whose CHECKSUM file disagrees (A19). */
  readonly staleChecksum: 'fail' | 'warn';
  readonly knownDefects: readonly KnownDefect[];
  /** Larger zips are written to disk as they arrive, so that those in flight take little memory. */
  readonly largestInMemory: number;
  readonly signal: AbortSignal;
}

/** The options that can be sent to a thread. */
export type StageSettings = Omit<StageOptions, 'client' | 'buffers' | 'md5' | 'signal'>;

export interface WantedArchive {
  readonly key: ArchiveKey;
  readonly object: ListedObject;
  /** The entry of the archive in the ledger. */
  readonly known: LedgerEntry | undefined;
}

export type StageOutcome =
  | { readonly status: 'staged'; readonly sha256: string; readonly unpacked: Unpacked; readonly note?: Reason }
  | {
      /** The archive arrived as listed, by size and MD5, but its content is bad. */
      readonly status: 'rejected';
      readonly reason: Reason;
      readonly sha256: string;
      /** The reason from `known_defects`, if this is a known defect. */
      readonly knownDefect?: string;
    }
  | { readonly status: 'absent'; readonly reason: Reason }
  | { readonly status: 'failed'; readonly failure: Failure };

/** Returns `stageArchive` for one thread, whose archives share buffers and are hashed together. */
export function createStage(
  settings: StageSettings,
  client: ArchiveClient,
  signal: AbortSignal,
): (wanted: WantedArchive) => Promise<StageOutcome> {
  const options = { ...settings, client, buffers: createBufferPool(), md5: createMd5(), signal };
  return (wanted) => stageArchive(wanted, options);
}

/**
 * Downloads one archive, checks every byte and stages its CSV under its final name. The version that it replaces is
 * kept under `superseded/`. An archive that arrived as listed but is bad is kept under `rejected/` with the reason.
 * Throws only what stops the run: an abort or a full disk.
 */
async function stageArchive(wanted: WantedArchive, options: StageOptions): Promise<StageOutcome> {
  const { key, object } = wanted;
  const { client, buffers, md5, archiveUrl, stagingDir, largestInMemory } = options;
  const checksum = await expectedChecksum(wanted, options);
  if (checksum.kind === 'failed') return { status: 'failed', failure: checksum.failure };

  const isLarge = object.size_bytes > largestInMemory;
  using spool = isLarge ? diskSpool(spoolFile(stagingDir, key)) : memorySpool(buffers, md5, object.size_bytes);
  const url = objectUrl(archiveUrl, object.key);
  // If nothing else vouches for the bytes, those of a known defect are still recognized by their SHA-256.
  const isKnown = (sha256: string) => knownDefect(options.knownDefects, object.key, sha256) !== undefined;
  const isVouched = (sha256: string) => sha256 === checksum.sha256 || isKnown(sha256);
  const outcome = await fetchZip(client, url, object, isVouched, spool);
  if (outcome.kind === 'failed') return { status: 'failed', failure: outcome.failure };
  if (outcome.kind === 'absent')
    return { status: 'absent', reason: reason('absent', 'it is listed, but not there (404)') };

  const zip = outcome.value;
  const { sha256 } = zip;
  const isStale = checksum.sha256 !== undefined && checksum.sha256 !== sha256;
  const note = isStale ? stale(sha256, checksum.sha256) : checksum.note;
  if (isStale && (options.staleChecksum === 'fail' || !isMd5(object.etag))) {
    return reject(wanted, options, { reason: stale(sha256, checksum.sha256), sha256, spool });
  }
  const file = stagedFile(stagingDir, key);
  const unpacked = await unpackAside(zip, key, file, options.signal);
  if ('code' in unpacked) return reject(wanted, options, { reason: unpacked, sha256, spool });
  // The load would reject it too, but report it as a new warning.
  const bad = isKnown(sha256) && badValue(asideOf(file));
  if (bad) {
    rmSync(asideOf(file), { force: true });
    return reject(wanted, options, { reason: bad, sha256, spool });
  }
  if (wanted.known?.status === 'staged') setAside(file, supersededFile(stagingDir, key, wanted.known.etag));
  renameSync(asideOf(file), file);
  const { known } = wanted;
  if (known !== undefined && (known.status !== 'staged' || known.reissue !== undefined))
    forgetRejection(stagingDir, key);
  return { status: 'staged', sha256, unpacked, ...(note && { note }) };
}

const stale = (found: string, expected: string): Reason =>
  reason('checksum_mismatch', `the SHA-256 is ${found}, but the CHECKSUM file says ${expected}`);

type Checksum =
  /** `note` says what is wrong with the CHECKSUM file of an archive whose MD5 is as listed. */
  | { readonly kind: 'ok'; readonly sha256?: string; readonly note?: Reason }
  | { readonly kind: 'failed'; readonly failure: Failure };

/**
 * Returns the SHA-256 from the CHECKSUM file, if that file is needed. If it cannot be used and nothing else vouches for
 * the bytes, or if the policy insists on it, the archive counts as failed.
 */
async function expectedChecksum(
  { key, object }: WantedArchive,
  { client, archiveUrl, verify, staleChecksum }: StageOptions,
): Promise<Checksum> {
  const vouched = isMd5(object.etag);
  if (vouched && verify === 'etag') return { kind: 'ok' };
  const url = objectUrl(archiveUrl, `${object.key}.CHECKSUM`);
  const outcome = await fetchChecksum(client, url, `${archiveName(key)}.zip`);
  if (outcome.kind === 'ok') return { kind: 'ok', sha256: outcome.value };
  if (outcome.kind === 'failed') {
    const isNoted = vouched && staleChecksum === 'warn' && outcome.reason !== undefined;
    return isNoted ? { kind: 'ok', note: outcome.reason } : outcome;
  }
  const missing = reason('checksum_missing', 'the CHECKSUM file does not exist (404)');
  if (vouched) return { kind: 'ok', note: missing };
  const hint = 'the ETag of the archive is not an MD5, so only a CHECKSUM file can verify it: run again later';
  const failure: Failure = {
    code: 'ARCHIVE_RESPONSE',
    message: formatReason(missing),
    details: { url: url.href, hint },
  };
  return { kind: 'failed', failure };
}

interface Rejection {
  readonly reason: Reason;
  readonly sha256: string;
  /** Contains the bytes. */
  readonly spool: Spool;
}

/** Keeps the bytes and the reason under `rejected/`. */
function reject({ key, object }: WantedArchive, options: StageOptions, rejection: Rejection): StageOutcome {
  const { reason: why, sha256, spool } = rejection;
  const place = rejectedFile(options.stagingDir, key);
  spool.keep(`${place}.zip`);
  const { etag, size_bytes } = object;
  const known = knownDefect(options.knownDefects, object.key, sha256);
  const found = { key: object.key, etag, size_bytes, sha256, ...why, known_defect: known };
  const record = { ...found, rejected_at: options.asOf.toISOString() };
  replaceFile(`${place}.reason.json`, `${JSON.stringify(record, undefined, 2)}\n`);
  return { status: 'rejected', reason: why, sha256, ...(known !== undefined && { knownDefect: known }) };
}

function forgetRejection(stagingDir: string, key: ArchiveKey): void {
  for (const extension of ['.zip', '.csv', '.reason.json']) {
    rmSync(`${rejectedFile(stagingDir, key)}${extension}`, { force: true });
  }
}

/** Keeps the older version if there already is one: an earlier attempt may have been killed between two renames. */
function setAside(file: string, aside: string): void {
  if (existsSync(file) && !existsSync(aside)) renameMaking(file, aside);
}

/** Returns one line on why an archive is not staged, or what is unusual about it. */
export function reasonOf(outcome: StageOutcome): string | undefined {
  if (outcome.status === 'staged') return outcome.note && formatReason(outcome.note);
  if (outcome.status === 'failed') return `${outcome.failure.code.toLowerCase()}: ${outcome.failure.message}`;
  return formatReason(outcome.reason);
}
