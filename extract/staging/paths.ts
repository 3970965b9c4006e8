import { type ArchiveKey, archiveName } from '../archive/keys.ts';
import { pathComponent } from '../archive/path-component.ts';

/** `<instrument_type>/<timeframe>/<SYMBOL>/<archive>`: no two markets share a path (B5), no name leaves its folder. */
const placeOf = (key: ArchiveKey): string =>
  `${key.instrument_type}/${key.timeframe}/${pathComponent(key.symbol)}/${pathComponent(archiveName(key))}`;

export const journalFile = (stagingDir: string): string => `${stagingDir}/journal.jsonl`;

/** The raw CSV, byte for byte as published. */
export const stagedFile = (stagingDir: string, key: ArchiveKey): string => `${stagingDir}/${placeOf(key)}.csv`;

/** Where a zip that is too large for memory lies while it is verified. */
export const spoolFile = (stagingDir: string, key: ArchiveKey): string => `${stagingDir}/${placeOf(key)}.zip.part`;

/** What the bytes of a rejected archive and its reason are kept under, without extension. */
export const rejectedFile = (stagingDir: string, key: ArchiveKey): string => `${stagingDir}/rejected/${placeOf(key)}`;

/** The CSV of a version that was re-issued since (A18). */
export const supersededFile = (stagingDir: string, key: ArchiveKey, etag: string): string =>
  `${stagingDir}/superseded/${placeOf(key)}.${pathComponent(etag)}.csv`;

/** Where a staged CSV goes that is not what the ledger says. */
export const damagedFile = (stagingDir: string, key: ArchiveKey): string => `${stagingDir}/damaged/${placeOf(key)}.csv`;
