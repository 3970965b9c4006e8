import { existsSync, realpathSync, statSync } from 'node:fs';
import { opendir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { PipelineError } from '../errors.ts';
import type { ArchiveMatch, Target } from '../extract.ts';
import type { ExtractNode, Graph } from '../graph/graph.ts';
import type { ExtractScope } from '../run/context.ts';
import { extractContext } from '../run/execute-extract.ts';
import { evidenceOf, stateOfFile } from './lost.ts';
import type { TargetPaths } from './paths.ts';
import { readRecord, type TargetRecord, updateRecord } from './record.ts';

/** The location of a target's archive, in a form that can be stored and compared. */
export interface ArchiveAddress {
  readonly archive: string;
  readonly listing: string;
}

/** Undefined for a target without an archive. */
export const addressOf = ({
  archive,
  listing = archive,
}: Pick<Target, 'archive' | 'listing'>): ArchiveAddress | undefined =>
  archive === undefined || listing === undefined ? undefined : { archive: placeOf(archive), listing: placeOf(listing) };

export const formatAddress = ({ archive, listing }: ArchiveAddress): string =>
  listing === archive ? archive : `${archive} (listing ${listing})`;

/**
 * Returns one spelling for each place: a URL without user, password, query and trailing slash, or the absolute path of
 * a folder, however it is named. Any other name is returned unchanged.
 */
function placeOf(archive: string): string {
  if (/^file:/i.test(archive)) return folderOf(pathOfUrl(archive));
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(archive)) return urlWithoutSecrets(archive);
  const isFolder = statSync(archive, { throwIfNoEntry: false })?.isDirectory() ?? false;
  return isFolder || /[\\/]/.test(archive) ? folderOf(archive) : archive;
}

function pathOfUrl(url: string): string {
  try {
    return fileURLToPath(url);
  } catch {
    return url;
  }
}

function folderOf(folder: string): string {
  try {
    return realpathSync(folder);
  } catch {
    return path.resolve(folder);
  }
}

function urlWithoutSecrets(text: string): string {
  const url = URL.parse(text);
  if (url === null) return text.replace(/\/\/[^/@]*@/, '//').replace(/[?#].*$/, '');
  return `${url.protocol}//${url.host}${url.pathname.replace(/\/+$/, '')}`;
}

/**
 * Allows a run, or a plan of one, only with the archive of the target's first run, which is recorded here if this is
 * the first. An archive at the recorded address is not contacted; at another address the extracts compare it with what
 * they have staged.
 * @throws PipelineError ARCHIVE_DIFFERS for another archive, and for synthetic data if there is real data, or vice
 * versa
 */
export async function expectArchive(
  scope: ExtractScope,
  { graph, fetches, now }: { readonly graph: Graph; readonly fetches: boolean; readonly now: Date },
): Promise<void> {
  const { target, paths, reporter } = scope;
  const record = readRecord(paths.root);
  expectSameKind(record, scope);
  if (!fetches) return;
  const address = addressOf(target);
  const known = addressIn(record);
  if (record?.first_run !== undefined && isDeepStrictEqual(known, address)) return;
  if (known !== undefined && address === undefined)
    throw otherArchive(known, address, 'what is stored is from there', paths.root);

  const match = await askExtracts(graph, scope);
  if (match.kind === 'other') throw otherArchive(known, address, match.text, paths.root);
  if (match.kind === 'unknown' && known !== undefined && (await keepsAnything(paths))) {
    throw otherArchive(known, address, 'nothing is left of its listing to compare with', paths.root);
  }
  const { synthetic } = target;
  const first_run = record?.first_run ?? now.toISOString();
  await updateRecord(paths.root, {
    ...{ ...address, synthetic, first_run },
    // For a target of an earlier version, only files show that it had a warehouse; from now on the record does.
    ...(record === undefined && hasWarehouse(paths) && { warehouse: { made_at: first_run } }),
  });
  if (known === undefined || address === undefined || match.kind !== 'same') return;
  const message = `the archive has moved from ${formatAddress(known)} to ${formatAddress(address)}: ${match.text}`;
  reporter.report({ type: 'log', level: 'info', message });
}

/**
 * Rejects mixing synthetic and real rows in one warehouse or export.
 * @throws PipelineError ARCHIVE_DIFFERS
 */
function expectSameKind(record: TargetRecord | undefined, { target, paths }: ExtractScope): void {
  if (record?.synthetic === undefined || record.synthetic === target.synthetic) return;
  const kind = (synthetic: boolean) => (synthetic ? 'synthetic' : 'real');
  const text = `the target has ${kind(record.synthetic)} data, but this archive is ${kind(target.synthetic)}`;
  throw otherArchive(addressIn(record), addressOf(target), text, paths.root);
}

const addressIn = (record: TargetRecord | undefined): ArchiveAddress | undefined =>
  record?.archive === undefined ? undefined : { archive: record.archive, listing: record.listing ?? record.archive };

async function askExtracts(graph: Graph, scope: ExtractScope): Promise<ArchiveMatch> {
  let match: ArchiveMatch = { kind: 'unknown' };
  for (const node of graph.nodes.filter((one): one is ExtractNode => one.kind === 'extract')) {
    const extract = await scope.project.extract(node);
    const told = await extract.sameArchive?.(extractContext(node, scope));
    if (told?.kind === 'other') return told;
    if (told?.kind === 'same') match = told;
  }
  return match;
}

const hasWarehouse = ({ warehouse }: TargetPaths): boolean =>
  stateOfFile(warehouse) === 'there' || evidenceOf(warehouse) !== undefined;

/** True if anything is kept that may have come from the recorded archive: false if its first run found no archive. */
async function keepsAnything(paths: TargetPaths): Promise<boolean> {
  const { staging } = paths;
  if (hasWarehouse(paths)) return true;
  if (!existsSync(staging)) return false;
  for await (const entry of await opendir(staging, { recursive: true })) if (entry.isFile()) return true;
  return false;
}

function otherArchive(known: ArchiveAddress | undefined, now: ArchiveAddress | undefined, text: string, root: string) {
  const owner = known === undefined ? 'an archive at an unknown address' : formatAddress(known);
  const other = now === undefined ? 'pipeline.yaml names no archive' : `${formatAddress(now)} is another archive`;
  return new PipelineError(
    'ARCHIVE_DIFFERS',
    `this target belongs to ${owner}, but ${other}: ${text}; nothing was changed`,
    {
      file: root,
      hint: 'use a separate target for another archive: add one under targets: in pipeline.yaml, or choose another folder with --data-dir; to start this target over, move its folder away',
    },
  );
}
