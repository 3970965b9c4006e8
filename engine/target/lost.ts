import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { sumsFile } from '../disk.ts';
import { PipelineError } from '../errors.ts';
import type { Window } from '../extract.ts';
import { walOf, warehouseName } from './paths.ts';
import { readRecord } from './record.ts';

const headersSize = 3 * 4096;

/** `cut`: a DuckDB file without its three headers, as left when its creation is ended by a kill or a full disk. */
export type FileState = 'missing' | 'empty' | 'cut' | 'there';

/** Returns the state of a database file without opening it. */
export function stateOfFile(file: string): FileState {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return 'missing';
  const { size } = stats;
  if (size >= headersSize || stats.isDirectory()) return 'there';
  if (size === 0) return 'empty';
  return readFileSync(file).subarray(8, 12).toString('latin1') === 'DUCK' ? 'cut' : 'there';
}

/**
 * Returns the evidence, from the files next to it, that there was a warehouse; undefined if there is none. The record
 * decides if there is one. A target of an earlier version has none: for it, anything that a run leaves counts.
 */
export function evidenceOf(file: string): string | undefined {
  if (!isWarehouse(file)) return undefined;
  const root = path.dirname(file);
  const record = readRecord(root);
  if (record?.warehouse !== undefined) return `target.json says that one was built at ${record.warehouse.made_at}`;
  const exported = namesIn(path.join(root, 'exports'));
  const beside = (...files: readonly string[]) =>
    files.filter((one) => existsSync(one)).map((one) => path.basename(one));
  const sure = found('exports', exported.filter(isSums)) ?? found('', beside(walOf(file)));
  if (sure !== undefined || record !== undefined) return sure;
  return (
    found('exports', exported.filter(isExport)) ??
    found('backups', backupsOf(root)) ??
    found('', beside(`${file}.left`)) ??
    found('staging', namesIn(path.join(root, 'staging')))
  );
}

/** The id that the warehouse must have; undefined if none is known. */
export const idOf = (file: string): string | undefined =>
  isWarehouse(file) ? readRecord(path.dirname(file))?.id : undefined;

const isWarehouse = (file: string): boolean => path.basename(file) === warehouseName;
const isSums = (name: string): boolean => name === sumsFile;
const isExport = (name: string): boolean => name.endsWith('.parquet');
const found = (folder: string, [name]: readonly string[]): string | undefined =>
  name === undefined ? undefined : `${path.join(folder, name)} is there`;

/** True if a run has exported rows of the target. */
export const hasExports = (root: string): boolean => namesIn(path.join(root, 'exports')).some(isSums);

/** Returns the names of a target's backups, the newest first. */
export const backupsOf = (root: string): readonly string[] =>
  namesIn(path.join(root, 'backups'))
    .filter((name) => name.endsWith('.duckdb'))
    .sort()
    .reverse();

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}

const problems: Readonly<Record<Exclude<FileState, 'there'>, string>> = {
  missing: 'the warehouse is missing',
  empty: 'the warehouse is an empty file',
  cut: 'the warehouse is truncated',
};

/** The error for a warehouse that no longer exists or is incomplete, with the ways to recover. */
export function lostWarehouse(file: string, state: Exclude<FileState, 'there'> | string, evidence: string) {
  const problem = Object.hasOwn(problems, state) ? problems[state as keyof typeof problems] : state;
  const root = path.dirname(file);
  const [newest] = backupsOf(root);
  const backup = newest === undefined ? 'FILE' : path.join(root, 'backups', newest);
  return new PipelineError('WAREHOUSE_LOST', `${problem}, although ${evidence}; nothing was changed`, {
    file,
    hint: `restore a backup: pnpm pipeline migrate restore ${backup}; or rebuild all of it from the staging area: pnpm pipeline run --full-refresh, without --start and --end`,
  });
}

/** The error for a warehouse whose id is not the one its target has. */
export const warehouseOfOther = (file: string, evidence: string | undefined) =>
  new PipelineError(
    'WAREHOUSE_LOST',
    `this is the warehouse of another target${evidence === undefined ? '' : `, and ${evidence}`}; nothing was changed`,
    {
      file,
      hint: 'move the file away, then restore a backup of this target: pnpm pipeline migrate restore FILE; or rebuild all of it from the staging area: pnpm pipeline run --full-refresh, without --start and --end',
    },
  );

/** @throws PipelineError WAREHOUSE_LOST for a file that is missing, empty or cut although there was a warehouse */
export function refuseLost(file: string): void {
  const state = stateOfFile(file);
  if (state === 'there') return;
  const evidence = evidenceOf(file);
  if (evidence !== undefined) throw lostWarehouse(file, state, evidence);
}

/** True if a run may rebuild a lost warehouse. A run with a range may not: the exports would shrink to that range. */
export const isRebuild = ({
  fullRefresh,
  window,
}: {
  readonly fullRefresh: boolean;
  readonly window?: Window;
}): boolean => fullRefresh && window === undefined;
