import { type ArchiveKey, archiveName, type BarSeries, type StagedKey } from '../../exchange/keys.ts';

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

/** Names that Windows gives to devices, with any extension. */
const device = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const unsafe = /[\u0000-\u001f\u007f-\u009f<>:"/\\|?*%]|^\.|[. ]$/gu;

/**
 * `name` as one component of a path that stays where it is put, on every file system: what could leave the folder,
 * name a device or be refused is percent-encoded. Different names stay different, and names of symbols stay as they are.
 */
export function pathComponent(name: string): string {
  const encoded = name.replace(unsafe, percentEncode);
  if (encoded === '') return '%';
  return device.test(encoded) ? percentEncode(encoded.charAt(0)) + encoded.slice(1) : encoded;
}

const percentEncode = (character: string): string =>
  [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, '0').toUpperCase()}`).join('');

/** The name that `pathComponent` encoded. */
export const nameOfPathComponent = (component: string): string =>
  component === '%' ? '' : decodeURIComponent(component);
