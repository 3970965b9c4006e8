/** The files of a publication: written from a warehouse, and read back into one. */
import { hash } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { isBelow, writeWhole } from '../disk.ts';
import { PipelineError } from '../errors.ts';
import { hasPrimaryKey, type Table } from '../schema/table.ts';
import { quoteName, quoteText } from '../sql.ts';
import { addPrimaryKey, createBareTable, createIndexes, tableComments } from './ddl.ts';
import { copyAsParquet, schemaVersion } from './export.ts';
import { readSchema } from './introspect.ts';
import { readOrigin, writeOrigin } from './origin.ts';
import { escapeGlob } from './source.ts';
import { asInstants, describeColumns, fromInstants } from './utc.ts';
import type { Warehouse } from './warehouse.ts';

const attached = '"$published"';
/** Files that belong to the state of a target, by path. No table of a project has such a name. */
const recordsTable = '"$records"';

/** Runs `work` with another database attached as the default one. */
async function inDatabase<T>(
  warehouse: Warehouse,
  { file, options }: { readonly file: string; readonly options: string },
  work: (source: string) => Promise<T>,
): Promise<T> {
  const { name } = await warehouse.row<{ name: string }>('SELECT current_database() AS name');
  await warehouse.run(`ATTACH ${quoteText(file)} AS ${attached} (${options})`);
  try {
    await warehouse.run(`USE ${attached}`);
    return await work(quoteName(name));
  } finally {
    await warehouse.run(`USE ${quoteName(name)}`);
    await warehouse.run(`DETACH ${attached}`);
  }
}

const ordered = (table: Table): string =>
  table.key.length === 0 ? '' : ` ORDER BY ${table.key.map(quoteName).join(', ')}`;

/** Creates a table as defined and fills it; the key is added afterwards, which takes a third of the time. */
async function fillTable(warehouse: Warehouse, table: Table, rows: string): Promise<void> {
  await warehouse.run(createBareTable(table));
  await warehouse.run(`INSERT INTO ${quoteName(table.name)} ${rows}`);
  if (hasPrimaryKey(table)) await warehouse.run(addPrimaryKey(table));
  for (const statement of tableComments(table)) await warehouse.run(statement);
}

/**
 * Writes a compact database with these tables as they are defined: keys, indexes, comments and rows. DuckDB 1.2 and
 * later can open it.
 */
export async function writeDatabase(warehouse: Warehouse, file: string, tables: readonly Table[]): Promise<void> {
  await rm(file, { force: true });
  await inDatabase(warehouse, { file, options: "READ_WRITE, STORAGE_VERSION 'v1.2.0'" }, async (source) => {
    for (const table of tables) {
      await fillTable(warehouse, table, `SELECT * FROM ${source}.main.${quoteName(table.name)}${ordered(table)}`);
      for (const statement of createIndexes(table)) await warehouse.run(statement);
    }
    await warehouse.run(`CHECKPOINT ${attached}`);
  });
}

/** Writes a sorted Parquet file. */
export async function writeParquet(
  warehouse: Warehouse,
  file: string,
  options: {
    readonly table: Table;
    readonly orderBy: readonly string[];
    readonly rowGroupSize: number;
    readonly metadata: Readonly<Record<string, string>>;
  },
): Promise<number> {
  return warehouse.run(copyAsParquet(file, options));
}

/** A column, or the year of one. */
export type FolderPart = string | { readonly year: string };

export interface DatasetPlan {
  readonly table: Table;
  readonly partitionBy: readonly FolderPart[];
}

/** A folder of a data set with the digest of its rows, which does not depend on their order. */
export interface DatasetPartition {
  /** `region=north/year=2025`. */
  readonly folder: string;
  readonly digest: string;
  readonly rows: number;
}

const partName = (part: FolderPart): string => (typeof part === 'string' ? part : 'year');
const partSql = (part: FolderPart): string =>
  typeof part === 'string' ? quoteName(part) : `year(${quoteName(part.year)})`;

/** Encodes a value as DuckDB names the folders of a partitioned copy. */
const encodeValue = (value: string | null): string =>
  value === null
    ? '__HIVE_DEFAULT_PARTITION__'
    : encodeURIComponent(value).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

/** Returns all partitions of a data set, in the order of their folders. */
export async function datasetPartitions(
  warehouse: Warehouse,
  { table, partitionBy }: DatasetPlan,
): Promise<readonly DatasetPartition[]> {
  const columns = Object.keys(table.columns).map(quoteName).join(', ');
  const parts = partitionBy.map((part, at) => `cast(${partSql(part)} as VARCHAR) AS part${at}`);
  const found = await warehouse.rows<Record<string, string | null> & { digest: string; rows: bigint }>(
    `SELECT ${parts.join(', ')}, count(*) AS rows, cast(sum(hash(${columns})) as VARCHAR) AS digest
     FROM ${quoteName(table.name)} GROUP BY ALL ORDER BY ALL`,
  );
  const definition = schemaVersion(table);
  return found.map((row) => ({
    folder: partitionBy
      .map((part, at) => `${encodeValue(partName(part))}=${encodeValue(row[`part${at}`] as string | null)}`)
      .join('/'),
    digest: hash('sha256', `${definition} ${row.rows} ${row.digest}`),
    rows: Number(row.rows),
  }));
}

/** The name of the only file in each folder of a data set. */
export const partitionFile = 'data.parquet';
/** DuckDB keeps at most 100 files open in a partitioned copy; beyond that a folder could get several. */
const foldersAtOnce = 64;

/**
 * Writes these partitions of a data set below a folder, one file each.
 * @returns their paths below the folder
 */
export async function writeDataset(
  warehouse: Warehouse,
  { table, partitionBy }: DatasetPlan,
  options: { readonly directory: string; readonly folders: readonly string[]; readonly rowGroupSize: number },
): Promise<readonly string[]> {
  const { directory, folders, rowGroupSize } = options;
  const columns = Object.entries(table.columns).map(([name, { type }]) => ({ name, type }));
  const folderSql = partitionBy.map((part) => `coalesce(cast(${partSql(part)} as VARCHAR), '')`);
  const extra = partitionBy.flatMap((part) => (typeof part === 'string' ? [] : [`${partSql(part)} AS year`]));
  const names = partitionBy.map((part) => quoteName(partName(part))).join(', ');
  const order = [...partitionBy.map(partSql), ...table.key.map(quoteName)].join(', ');
  const aside = `${directory}.part`;
  await warehouse.run('SET threads = 1'); // more threads write more files
  try {
    for (let at = 0; at < folders.length; at += foldersAtOnce) {
      const some = folders.slice(at, at + foldersAtOnce);
      const values = some.map((folder) => `(${folder.split('/').map(folderValue).map(quoteText).join(', ')})`);
      await rm(aside, { recursive: true, force: true });
      await mkdir(aside, { recursive: true });
      await warehouse.run(`COPY (
          SELECT ${asInstants(columns)}${extra.map((one) => `, ${one}`).join('')} FROM (
            FROM ${quoteName(table.name)} WHERE (${folderSql.join(', ')}) IN (VALUES ${values.join(', ')}) ORDER BY ${order}
          )
        ) TO ${quoteText(aside)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rowGroupSize},
          PARTITION_BY (${names}), FILENAME_PATTERN 'data', OVERWRITE_OR_IGNORE, KV_METADATA {
            schema_version: ${quoteText(schemaVersion(table))}
          })`);
      for (const folder of some) {
        const files = await readdir(path.join(aside, folder)).catch(() => []);
        const [file] = files;
        if (file === undefined || files.length > 1)
          throw new PipelineError('INTERNAL', `the copy of ${table.name} wrote ${files.length} files to ${folder}`);
        await mkdir(path.join(directory, folder), { recursive: true });
        await rename(path.join(aside, folder, file), path.join(directory, folder, partitionFile));
      }
    }
  } finally {
    await warehouse.run('RESET threads');
    await rm(aside, { recursive: true, force: true });
  }
  return folders.map((folder) => `${folder}/${partitionFile}`);
}

/** The value in `name=value`; NULL as the empty text. */
function folderValue(part: string): string {
  const text = part.slice(part.indexOf('=') + 1);
  return text === '__HIVE_DEFAULT_PARTITION__' ? '' : decodeURIComponent(text);
}

/**
 * Writes what a target needs to go on elsewhere: all tables of its warehouse, but only the definitions of those whose
 * rows are published `elsewhere`, and the files in `records`.
 */
export async function writeState(
  warehouse: Warehouse,
  file: string,
  options: { readonly elsewhere: ReadonlySet<string>; readonly records: string },
): Promise<void> {
  const { elsewhere, records } = options;
  const live = await readSchema(warehouse);
  const origin = await readOrigin(warehouse);
  await rm(file, { force: true });
  await inDatabase(warehouse, { file, options: 'READ_WRITE' }, async (source) => {
    for (const table of Object.values(live)) {
      const rows = elsewhere.has(table.name) ? ' LIMIT 0' : ordered(table);
      await fillTable(warehouse, table, `SELECT * FROM ${source}.main.${quoteName(table.name)}${rows}`);
    }
    if (origin !== undefined) await writeOrigin(warehouse, origin);
    await warehouse.run(`CREATE TABLE ${recordsTable} AS
      SELECT substr(filename, length(${quoteText(records)}) + 2) AS path, content
      FROM read_blob(${quoteText(`${escapeGlob(records)}/**`)}) ORDER BY path`);
    await warehouse.run(`CHECKPOINT ${attached}`);
  });
}

/** Moves the record files out of a state that was opened to become a warehouse. */
export async function takeRecords(warehouse: Warehouse, directory: string): Promise<void> {
  const paths = await warehouse.rows<{ path: string }>(`SELECT path FROM ${recordsTable} ORDER BY path`);
  for (const { path: name } of paths) {
    const file = path.resolve(directory, name);
    if (!isBelow(file, directory))
      throw new PipelineError('PUBLICATION_UNREADABLE', `its state has a file outside the target: ${name}`);
    const { content } = await warehouse.row<{ content: Uint8Array }>(
      `SELECT content FROM ${recordsTable} WHERE path = ${quoteText(name)}`,
    );
    writeWhole(file, content);
  }
  await warehouse.run(`DROP TABLE ${recordsTable}`);
}

/** Where the rows of a table are published. */
export type RowsPlace =
  | { readonly kind: 'database'; readonly file: string }
  | { readonly kind: 'dataset'; readonly folder: string; readonly partitionBy: readonly FolderPart[] };

/** Fills a table of a state, of which only the definition is there, with its published rows. */
export async function restoreRows(warehouse: Warehouse, table: Table, from: RowsPlace): Promise<void> {
  const name = quoteName(table.name);
  const columns = Object.entries(table.columns).map(([column, { type }]) => ({ name: column, type }));
  if (from.kind === 'database') {
    await warehouse.run(`ATTACH ${quoteText(from.file)} AS ${attached} (READ_ONLY)`);
  }
  try {
    await warehouse.transaction(async () => {
      await warehouse.run(`DROP TABLE ${name}`);
      await fillTable(warehouse, table, `BY NAME ${await rowsOf()}`);
    });
  } finally {
    if (from.kind === 'database') await warehouse.run(`DETACH ${attached}`);
  }

  async function rowsOf(): Promise<string> {
    if (from.kind === 'database') return `FROM ${attached}.main.${name}`;
    const types = from.partitionBy.map((part) => {
      const type = typeof part === 'string' ? (table.columns[part]?.type ?? 'VARCHAR') : 'BIGINT';
      return `${quoteText(partName(part))}: ${type}`;
    });
    const files = quoteText(`${escapeGlob(from.folder)}/**/*.parquet`);
    const read = `read_parquet(${files}, hive_partitioning = true, hive_types = {${types.join(', ')}})`;
    const found = await describeColumns(warehouse, `FROM ${read}`);
    const own = columns.map((column) => column.name);
    const wanted = found.filter(({ name: one }) => own.includes(one));
    return `SELECT ${own.map(quoteName).join(', ')} FROM (SELECT ${fromInstants(wanted)} FROM ${read})`;
  }
}
