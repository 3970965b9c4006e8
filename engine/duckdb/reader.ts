import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { DuckDBDataChunk } from '@duckdb/node-api';
import { PipelineError } from '../errors.ts';
import { defaultMemoryLimit, queriesWaitMs } from '../limits.ts';
import { sourcesOf } from '../lineage.ts';
import type { ColumnsOf, CopyFormat, Reader, ReaderOptions, ReadQuery, StandIn, TextRows } from '../read.ts';
import type { Table } from '../schema/table.ts';
import { quoteName, quoteText } from '../sql.ts';
import { writeArrow } from './arrow.ts';
import { compileSql, createCompiler } from './kysely.ts';
import { escapeGlob } from './source.ts';
import { asInstants, describeColumns, fromInstants } from './utc.ts';
import { openWarehouse, rowObjects, type Warehouse } from './warehouse.ts';

/** See `openReader`. `check` is called with the warehouse, but not with the exports that stand in for it. */
export async function createReader<DB>(
  options: ReaderOptions,
  check: (warehouse: Warehouse) => Promise<void>,
): Promise<Reader<DB>> {
  const { warehouse, standIn } = await openOrStandIn(options);
  if (standIn === undefined) await check(warehouse);
  const tables = new Set(
    (await warehouse.rows<{ name: string }>('SELECT table_name AS name FROM information_schema.tables')).map(
      ({ name }) => name,
    ),
  );

  function sqlOf(query: ReadQuery<object>): string {
    const missing = sourcesOf(query).filter((name) => !tables.has(name));
    if (missing.length === 0) return compileSql(query);
    if (standIn !== undefined) {
      throw new PipelineError(
        'WAREHOUSE_LOCKED',
        `${standIn.reason}, and the last exports contain ${standIn.tables.join(', ')}, not ${missing.join(', ')}`,
        { hint: 'try again when the build is done' },
      );
    }
    throw new PipelineError('TABLE_MISSING', `${options.warehouse} has no table ${missing.join(', ')}`, {
      hint: `build it: pnpm pipeline run --select ${missing.map((name) => `+${name}`).join(' ')}`,
    });
  }

  async function* stream<Row>(query: ReadQuery<object>): AsyncGenerator<Row> {
    yield* warehouse.stream(sqlOf(query), async function* (result) {
      const names = result.deduplicatedColumnNames();
      for await (const chunk of result) yield* rowObjects(chunk, names) as Row[];
    });
  }

  return {
    db: createCompiler<DB>(),
    standIn,
    rows: async <Row extends object>(query: ReadQuery<Row>) => warehouse.rows<Row>(sqlOf(query)),
    stream,
    columns: async <Row extends object>(query: ReadQuery<Row>) => readColumns<Row>(warehouse, sqlOf(query)),
    texts: async (query, limit) => readTexts(warehouse, sqlOf(query), limit),
    async copy(query, { file, format, metadata = {} }) {
      if (format === 'arrow' || format === 'arrows') {
        return writeArrow(warehouse, sqlOf(query), { file, form: format === 'arrow' ? 'file' : 'stream', metadata });
      }
      const options: Readonly<Record<Exclude<CopyFormat, 'arrow' | 'arrows'>, string>> = {
        csv: 'FORMAT csv, HEADER',
        json: 'FORMAT json, ARRAY',
        parquet: `FORMAT parquet, COMPRESSION zstd${keyValues(metadata)}`,
      };
      const sql = sqlOf(query);
      const rows =
        format === 'parquet' ? `SELECT ${asInstants(await describeColumns(warehouse, sql))} FROM (${sql})` : sql;
      return warehouse.run(`COPY (${rows}) TO ${quoteText(file)} (${options[format]})`);
    },
    [Symbol.asyncDispose]: () => warehouse[Symbol.asyncDispose](),
  };
}

function keyValues(metadata: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(metadata).map(([key, value]) => `${quoteName(key)}: ${quoteText(value)}`);
  return pairs.length === 0 ? '' : `, KV_METADATA {${pairs.join(', ')}}`;
}

async function openOrStandIn(
  options: ReaderOptions,
): Promise<{ readonly warehouse: Warehouse; readonly standIn: StandIn | undefined }> {
  const { warehouse: file, exports, waitMs = queriesWaitMs, signal } = options;
  const ownSignal = signal === undefined ? {} : { signal };
  try {
    return {
      warehouse: await openWarehouse({ file, readOnly: true, waitMs, memoryLimit: defaultMemoryLimit, ...ownSignal }),
      standIn: undefined,
    };
  } catch (error) {
    if (!(error instanceof PipelineError) || error.code !== 'WAREHOUSE_LOCKED' || exports === undefined) throw error;
    const files = await parquetFiles(exports);
    if (files.length === 0) throw error;
    const warehouse = await openWarehouse({ file: ':memory:', memoryLimit: defaultMemoryLimit, ...ownSignal });
    for (const { table, file } of files) {
      const rows = `FROM read_parquet([${quoteText(escapeGlob(file))}])`;
      const columns = fromInstants(await describeColumns(warehouse, rows));
      await warehouse.run(`CREATE VIEW ${quoteName(table)} AS SELECT ${columns} ${rows}`);
    }
    const writtenAt = new Date(Math.min(...files.map(({ time }) => time)));
    return { warehouse, standIn: { reason: error.message, tables: files.map(({ table }) => table), writtenAt } };
  }
}

async function parquetFiles(directory: string) {
  const names = (await readdir(directory).catch(() => [])).filter((name) => name.endsWith('.parquet')).sort();
  return Promise.all(
    names.map(async (name) => {
      const file = path.join(directory, name);
      return { table: path.basename(name, '.parquet'), file, time: (await stat(file)).mtimeMs };
    }),
  );
}

const numbers = /^(TINYINT|SMALLINT|INTEGER|BIGINT|FLOAT|DOUBLE)$/;
const times = /^(DATE|TIMESTAMP)$/;

/**
 * Reads a result column by column. DuckDB converts all numbers to doubles, at a fraction of the cost of reading rows.
 */
async function readColumns<Row>(warehouse: Warehouse, sql: string): Promise<ColumnsOf<Row>> {
  const columns = await describeColumns(warehouse, sql);
  const selected = columns.map(({ name, type }) => {
    const column = quoteName(name);
    if (times.test(type)) return `CAST(epoch_us(${column}) AS DOUBLE) / 1000 AS ${column}`;
    return numbers.test(type) ? `CAST(${column} AS DOUBLE) AS ${column}` : column;
  });
  const chunks: DuckDBDataChunk[] = [];
  for await (const chunk of warehouse.stream(`SELECT ${selected.join(', ')} FROM (${sql})`, (result) => result)) {
    chunks.push(chunk);
  }
  return Object.fromEntries(
    columns.map(({ name, type }, at) => [
      name,
      numbers.test(type) || times.test(type)
        ? doublesOf(chunks, at)
        : chunks.flatMap((chunk) => chunk.getColumnValues(at)),
    ]),
  ) as ColumnsOf<Row>;
}

function doublesOf(chunks: readonly DuckDBDataChunk[], column: number): Float64Array {
  const doubles = new Float64Array(chunks.reduce((sum, { rowCount }) => sum + rowCount, 0));
  let filled = 0;
  for (const chunk of chunks) {
    const { rowCount } = chunk; // the getter calls DuckDB each time
    const vector = chunk.getColumnVector(column);
    for (let row = 0; row < rowCount; row++) {
      doubles[filled++] = (vector.getItem(row) as number | null) ?? Number.NaN;
    }
  }
  return doubles;
}

/** Returns the first rows of a query as DuckDB prints them, so that fractions and infinities are shown in full. */
async function readTexts(warehouse: Warehouse, sql: string, limit: number): Promise<TextRows> {
  const columns = await describeColumns(warehouse, sql);
  const rows = await warehouse.rows<Record<string, string | null>>(
    `SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (${sql}) LIMIT ${limit}`,
  );
  return { columns, rows: rows.map((row) => columns.map(({ name }) => row[name] ?? null)) };
}

/** Returns the first rows of a table or view, ordered by its key. */
export async function firstRows(warehouse: Warehouse, { name, key }: Table, limit: number): Promise<TextRows> {
  const order = key.length === 0 ? 'ALL' : key.map(quoteName).join(', ');
  return readTexts(warehouse, `SELECT * FROM ${quoteName(name)} ORDER BY ${order} LIMIT ${limit}`, limit);
}
