import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { asideOf } from '../aside.ts';
import { fileDigest, readSums, sumsFile, sumsText, writeWhole } from '../disk.ts';
import { PipelineError } from '../errors.ts';
import { type Change, diffSchemas } from '../schema/diff.ts';
import type { Column, SqlType, Table } from '../schema/table.ts';
import { describeDrift } from '../schema/words.ts';
import { quoteName, quoteText } from '../sql.ts';
import { createBareTable } from './ddl.ts';
import { type Conclusion, recordConclusion, recordedConclusion, stateDigest } from './state.ts';
import { asInstants } from './utc.ts';
import type { Warehouse } from './warehouse.ts';

export interface ExportPlan {
  readonly name: string;
  readonly table: Table;
  readonly orderBy: readonly string[];
}

export interface ExportContext {
  readonly directory: string;
  readonly target: string;
  readonly synthetic: boolean;
  readonly runId: string;
}

export interface ExportOutcome {
  readonly status: 'pass' | 'reused';
  readonly file: string;
  readonly rows: number;
  /** Describes what had changed since the last run left it. */
  readonly replaced?: readonly string[];
}

const rowGroupSize = 20_000;
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex');

/**
 * A short digest of a table's definition, by which a reader can tell which definition a Parquet file was written with.
 */
export const schemaVersion = (table: Table): string => sha256(createBareTable(table)).slice(0, 16);

/** SQL that writes a table as a sorted Parquet file. Its metadata begins with the version of the table's definition. */
export function copyAsParquet(
  file: string,
  options: {
    readonly table: Table;
    readonly orderBy: readonly string[];
    readonly rowGroupSize: number;
    readonly metadata: Readonly<Record<string, string>>;
    /** SQL of the rows, if they need not be sorted. */
    readonly rows?: string | undefined;
  },
): string {
  const { table, orderBy, rowGroupSize: size, metadata } = options;
  const { rows = `FROM ${quoteName(table.name)} ORDER BY ${orderBy.map(quoteName).join(', ')}` } = options;
  const columns = Object.entries(table.columns).map(([name, { type }]) => ({ name, type }));
  const notes = Object.entries({ schema_version: schemaVersion(table), ...metadata });
  return `COPY (SELECT ${asInstants(columns)} FROM (${rows}))
    TO ${quoteText(file)} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${size}, KV_METADATA {
      ${notes.map(([key, value]) => `${key}: ${quoteText(value)}`).join(',\n      ')}
    })`;
}

/**
 * Writes a table as sorted Parquet to a temporary file and renames it; keeps the file if nothing changed. The expected
 * digest is in the warehouse, because SHA256SUMS next to the file may have been changed with it (B36).
 */
export async function exportTable(
  warehouse: Warehouse,
  plan: ExportPlan,
  context: ExportContext,
): Promise<ExportOutcome> {
  const file = path.join(context.directory, `${plan.name}.parquet`);
  const metadata = { target: context.target, synthetic: String(context.synthetic) };
  const copy = (to: string, rows?: string) => copyAsParquet(to, { ...plan, rowGroupSize, metadata, rows });
  const digest = sha256(`${copy('')}\n${await stateDigest(warehouse, [plan.table.name])}`);
  const exported: Conclusion = { kind: 'export', name: plan.name };
  const { text, sums } = await readSums(context.directory);
  const [known, present] = [await recordedConclusion(warehouse, exported), await fileDigest(file)];
  const hasSum = text === sumsText(sums) && sums.get(path.basename(file)) === present;
  if (present !== undefined && known?.input_digest === digest && known.rows_digest === present && hasSum)
    return { status: 'reused', file, rows: 0 };
  const replaced = [
    ...(known?.rows_digest && known.rows_digest !== present ? ['the file was not the last one written'] : []),
    ...(known?.rows_digest && known.rows_digest === present && !hasSum ? [`${sumsFile} had been changed`] : []),
  ];
  await mkdir(context.directory, { recursive: true });
  await recordConclusion(warehouse, exported, undefined, context);
  const aside = asideOf(file);
  try {
    const asStored = `FROM ${quoteName(plan.table.name)}`;
    const rows = await warehouse.run(copy(aside, (await isStoredInOrder(warehouse, plan)) ? asStored : undefined));
    const drift = await parquetDrift(warehouse, aside, plan.table);
    if (drift.length > 0) {
      throw new PipelineError('EXPORT_FAILED', `not written: ${drift.map(describeDrift).join('; ')}`, {
        file,
        hint: 'the last export stays; list all differences with pnpm pipeline schema check',
      });
    }
    const written = await fileDigest(aside);
    if (written !== present) await rename(aside, file);
    await writeSums(context.directory, sums.set(path.basename(file), written as string));
    await recordConclusion(warehouse, exported, digest, { runId: context.runId, fileDigest: written as string });
    return { status: 'pass', file, rows, ...(replaced.length > 0 && { replaced }) };
  } finally {
    await rm(aside, { force: true });
  }
}

/**
 * True if the rows are stored in the order of the export, as models write them until an old partition is replaced. Finding
 * out takes a tenth of the time that sorting them takes. Rows that tie could come in another order than from a sort.
 */
async function isStoredInOrder(warehouse: Warehouse, { table, orderBy }: ExportPlan): Promise<boolean> {
  const isTotal = table.key.length > 0 && table.key.every((column) => orderBy.includes(column));
  const isPlain = orderBy.every((name) => {
    const { nullable = true, type } = table.columns[name] ?? {};
    return !nullable && type !== 'FLOAT' && type !== 'DOUBLE';
  });
  if (!isTotal || !isPlain) return false;
  const row = `row(${orderBy.map(quoteName).join(', ')})`;
  const { falls } = await warehouse.row<{ falls: boolean }>(`SELECT coalesce(bool_or(falls), false) AS falls
    FROM (SELECT ${row} < lag(${row}) OVER () AS falls FROM ${quoteName(table.name)})`);
  return !falls;
}

async function writeSums(directory: string, sums: ReadonlyMap<string, string>): Promise<void> {
  const present = new Set(await readdir(directory));
  const lines = [...sums].filter(([name]) => present.has(name));
  writeWhole(path.join(directory, sumsFile), sumsText(lines));
}

/** The physical and logical Parquet type of each SQL type. */
const parquetTypes: Readonly<Record<SqlType, string>> = {
  BOOLEAN: 'BOOLEAN',
  TINYINT: 'INT32 INT_8',
  SMALLINT: 'INT32 INT_16',
  INTEGER: 'INT32 INT_32',
  BIGINT: 'INT64 INT_64',
  FLOAT: 'FLOAT',
  DOUBLE: 'DOUBLE',
  VARCHAR: 'BYTE_ARRAY UTF8',
  DATE: 'INT32 DATE',
  TIMESTAMP: 'INT64 TIMESTAMP_MICROS with time zone',
};

const sqlTypes = new Map(
  Object.entries(parquetTypes).map(([sqlType, parquetType]) => [parquetType, sqlType as SqlType]),
).set('INT64 TIMESTAMP_MICROS', 'TIMESTAMP'); // written by earlier versions, also UTC

/**
 * Returns how the columns of a Parquet file differ from those of a table: names, order, types. A file has no NOT NULL.
 */
export async function parquetDrift(warehouse: Warehouse, file: string, table: Table): Promise<readonly Change[]> {
  const rows = await warehouse.rows<{ name: string; type: string }>(
    `SELECT name, concat_ws(' ', type, converted_type, CASE WHEN logical_type LIKE '%isAdjustedToUTC=1%' THEN 'with time zone' END) AS type
     FROM parquet_schema(${quoteText(file)}) OFFSET 1`,
  );
  const found = rows.map(({ name, type }) => [name, { type: sqlTypes.get(type) ?? (type as SqlType) }] as const);
  const bare = (columns: readonly (readonly [string, Pick<Column, 'type'>])[]): Table => ({
    name: table.name,
    description: '',
    key: [],
    columns: Object.fromEntries(columns.map(([name, { type }]) => [name, { type, nullable: true, description: '' }])),
  });
  return diffSchemas({ [table.name]: bare(found) }, { [table.name]: bare(Object.entries(table.columns)) });
}
