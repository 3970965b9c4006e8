import { type ArchiveKey, archiveName, type BarSeries, type StagedKey } from '../../exchange/keys.ts';

/**
 * Returns `<instrument_type>/<timeframe>/<SYMBOL>`. No two markets share a path (B5), and no name leaves its folder.
 */
const folderOf = ({ instrument_type, timeframe, symbol }: BarSeries): string =>
  `${instrument_type}/${timeframe}/${pathComponent(symbol)}`;

/** Bars from the exchange are kept apart from those of the archive. */
const placeOf = (key: StagedKey): string =>
  `${key.cadence === 'rest' ? 'rest/' : ''}${folderOf(key)}/${pathComponent(archiveName(key))}`;

/** The folder of all bars from the exchange. */
export const restFolder = (stagingDir: string): string => `${stagingDir}/rest`;

export const journalFile = (stagingDir: string): string => `${stagingDir}/journal.jsonl`;

/** The staged CSV: an archive's exactly as published, the exchange's bars in the same columns without a header. */
export const stagedFile = (stagingDir: string, key: StagedKey): string => `${stagingDir}/${placeOf(key)}.csv`;

/** The temporary file of a zip that is too large for memory, while it is verified. */
export const spoolFile = (stagingDir: string, key: ArchiveKey): string => `${stagingDir}/${placeOf(key)}.zip.part`;

/** The path, without extension, under which a rejected file and its reason are kept. */
export const rejectedFile = (stagingDir: string, key: StagedKey): string => `${stagingDir}/rejected/${placeOf(key)}`;

/** The CSV of a version that has since been replaced by a re-issue (A18). */
export const supersededFile = (stagingDir: string, key: ArchiveKey, etag: string): string =>
  `${stagingDir}/superseded/${placeOf(key)}.${pathComponent(etag)}.csv`;

/** The path to which a staged CSV is moved if it is not what the ledger says. */
export const damagedFile = (stagingDir: string, key: StagedKey): string => `${stagingDir}/damaged/${placeOf(key)}.csv`;

/** The file that records for which slots of a series the exchange has been asked. */
export const askedFile = (stagingDir: string, series: BarSeries): string =>
  `${stagingDir}/rest/${folderOf(series)}/asked.json`;

/** Names that Windows reserves for devices, with any extension. */
const device = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const unsafe = /[\u0000-\u001f\u007f-\u009f<>:"/\\|?*%]|^\.|[. ]$/gu;

/**
 * Returns `name` as one path component that is safe on every file system. Characters that could lead out of the folder,
 * name a device or be refused are percent-encoded. Different names stay different, and names of symbols are unchanged.
 */
export function pathComponent(name: string): string {
  const encoded = name.replace(unsafe, percentEncode);
  if (encoded === '') return '%';
  return device.test(encoded) ? percentEncode(encoded.charAt(0)) + encoded.slice(1) : encoded;
}

const percentEncode = (character: string): string =>
  [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`).join('');

/** Returns the name that `pathComponent` encoded. */
export const nameOfPathComponent = (component: string): string =>
  component === '%' ? '' : decodeURIComponent(component);
