import { partitionText } from '../../engine/index.ts';
import { type ArchiveKey, archiveName, type BarSeries, type StagedKey } from '../../exchange/keys.ts';
import { pathComponent } from '../archive/directory-store.ts';

/** `<instrument_type>/<timeframe>/<SYMBOL>`: no two markets share a path (B5), no name leaves its folder. */
const folderOf = ({ instrument_type, timeframe, symbol }: BarSeries): string =>
  `${instrument_type}/${timeframe}/${pathComponent(symbol)}`;

/** The exchange's bars are apart from the archive's. */
const placeOf = (key: StagedKey): string =>
  `${key.cadence === 'rest' ? 'rest/' : ''}${folderOf(key)}/${pathComponent(archiveName(key))}`;

export const journalFile = (stagingDir: string): string => `${stagingDir}/journal.jsonl`;

/** The CSV: of an archive byte for byte as published, of the exchange's bars in the same columns without a header. */
export const stagedFile = (stagingDir: string, key: StagedKey): string => `${stagingDir}/${placeOf(key)}.csv`;

/** Where a zip that is too large for memory lies while it is verified. */
export const spoolFile = (stagingDir: string, key: ArchiveKey): string => `${stagingDir}/${placeOf(key)}.zip.part`;

/** What the bytes of a rejected file and its reason are kept under, without extension. */
export const rejectedFile = (stagingDir: string, key: StagedKey): string => `${stagingDir}/rejected/${placeOf(key)}`;

/** The CSV of a version that was re-issued since (A18). */
export const supersededFile = (stagingDir: string, key: ArchiveKey, etag: string): string =>
  `${stagingDir}/superseded/${placeOf(key)}.${pathComponent(etag)}.csv`;

/** Where a staged CSV goes that is not what the ledger says. */
export const damagedFile = (stagingDir: string, key: StagedKey): string => `${stagingDir}/damaged/${placeOf(key)}.csv`;

/** What the exchange has been asked of a series. */
export const askedFile = (stagingDir: string, series: BarSeries): string =>
  `${stagingDir}/rest/${folderOf(series)}/asked.json`;

/** The partition of `ohlcv` that a staged CSV has rows of: `instrument_type/symbol/timeframe/YYYY-MM-01`. */
export const partitionOf = ({ instrument_type, symbol, timeframe, period }: StagedKey): string =>
  partitionText(instrument_type, symbol, timeframe, `${period.slice(0, 7)}-01`);
