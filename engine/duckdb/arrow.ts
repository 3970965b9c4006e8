import { open } from 'node:fs/promises';
import type {
  DuckDBDataChunk,
  DuckDBDateValue,
  DuckDBTimestampValue,
  DuckDBValue,
  DuckDBVector,
} from '@duckdb/node-api';
import type { Data, DataType, RecordBatch } from 'apache-arrow';
import { PipelineError } from '../errors.ts';
import type { SqlType } from '../schema/table.ts';
import { describeColumns } from './utc.ts';
import type { Warehouse } from './warehouse.ts';

type Arrow = typeof import('apache-arrow');

/** `stream` can be read while it arrives; `file` ends with an index of its batches. */
export type ArrowForm = 'stream' | 'file';

/** Several of DuckDB's chunks of 2,048 rows: large enough to scan fast, small enough to keep in memory. */
const chunksOfBatch = 32;

/**
 * Writes a result as Arrow IPC, batch by batch, and returns the number of rows. Types are kept: DATE becomes date32,
 * TIMESTAMP a timestamp in µs UTC, VARCHAR utf8, and numbers keep their type.
 */
export async function writeArrow(
  warehouse: Warehouse,
  sql: string,
  to: { readonly file: string; readonly form: ArrowForm; readonly metadata: Readonly<Record<string, string>> },
): Promise<number> {
  const arrow = await import('apache-arrow'); // takes 80 ms, so it is loaded on demand
  const columns = await describeColumns(warehouse, sql);
  const codecs = columns.map(({ name, type }) => codecOf(arrow, name, type));
  const fields = columns.map(({ name }, at) =>
    arrow.Field.new({ name, type: (codecs[at] as Codec).type, nullable: true }),
  );
  const schema = new arrow.Schema(fields, new Map(Object.entries(to.metadata)));
  const structure = new arrow.Struct(fields);

  function batchOf(chunks: readonly DuckDBDataChunk[]): RecordBatch {
    const length = chunks.reduce((sum, { rowCount }) => sum + rowCount, 0);
    const children = codecs.map((codec, column) => codec.encode(valuesOf(chunks, column, length)));
    return new arrow.RecordBatch(schema, arrow.makeData({ type: structure, length, nullCount: 0, children }));
  }

  const written: Uint8Array[] = [];
  const sink = new (class extends arrow.AsyncByteQueue {
    override write(bytes: Uint8Array): void {
      written.push(bytes);
    }
  })();
  const writer = to.form === 'stream' ? new arrow.RecordBatchStreamWriter() : new arrow.RecordBatchFileWriter();
  const file = await open(to.file, 'w');
  try {
    // Writes each batch at once, because the library's own queue is unbounded.
    const flush = () => file.writeFile(written.splice(0));
    writer.reset(sink, schema);
    let rows = 0;
    let waiting: DuckDBDataChunk[] = [];
    for await (const chunk of warehouse.stream(sql, (result) => result)) {
      rows += chunk.rowCount;
      waiting.push(chunk);
      if (waiting.length < chunksOfBatch) continue;
      writer.write(batchOf(waiting));
      waiting = [];
      await flush();
    }
    if (waiting.length > 0) writer.write(batchOf(waiting));
    writer.finish();
    await flush();
    return rows;
  } finally {
    await file.close();
  }
}

function valuesOf(chunks: readonly DuckDBDataChunk[], column: number, length: number): readonly DuckDBValue[] {
  const values = new Array<DuckDBValue>(length);
  let filled = 0;
  for (const chunk of chunks) {
    const { rowCount } = chunk; // the getter calls DuckDB each time
    const vector: DuckDBVector = chunk.getColumnVector(column);
    for (let row = 0; row < rowCount; row++) values[filled++] = vector.getItem(row) as DuckDBValue;
  }
  return values;
}

/** Converts the values of a column to Arrow's. */
interface Codec {
  readonly type: DataType;
  encode(values: readonly DuckDBValue[]): Data;
}

function codecOf(arrow: Arrow, name: string, sqlType: string): Codec {
  const { makeData } = arrow;
  type Numbers = Int8Array | Int16Array | Int32Array | Float32Array | Float64Array | BigInt64Array;

  function fixed<T extends DataType>(
    type: T,
    create: (length: number) => Numbers,
    read: (value: DuckDBValue) => number | bigint = (value) => value as number | bigint,
  ): Codec {
    return {
      type,
      encode(values) {
        const data = create(values.length);
        values.forEach((value, row) => {
          if (value !== null) data[row] = read(value);
        });
        // Each type goes with its own array type, which a type parameter cannot express.
        return makeData({ type, length: values.length, data, ...validity(values) } as never);
      },
    };
  }

  const codecs: Readonly<Record<SqlType, () => Codec>> = {
    BOOLEAN: () => ({
      type: new arrow.Bool(),
      encode: (values) =>
        makeData({
          type: new arrow.Bool(),
          length: values.length,
          data: bits(values, (value) => value === true),
          ...validity(values),
        }),
    }),
    TINYINT: () => fixed(new arrow.Int8(), (length) => new Int8Array(length)),
    SMALLINT: () => fixed(new arrow.Int16(), (length) => new Int16Array(length)),
    INTEGER: () => fixed(new arrow.Int32(), (length) => new Int32Array(length)),
    BIGINT: () => fixed(new arrow.Int64(), (length) => new BigInt64Array(length)),
    FLOAT: () => fixed(new arrow.Float32(), (length) => new Float32Array(length)),
    DOUBLE: () => fixed(new arrow.Float64(), (length) => new Float64Array(length)),
    DATE: () =>
      fixed(
        new arrow.DateDay(),
        (length) => new Int32Array(length),
        (value) => (value as DuckDBDateValue).days,
      ),
    TIMESTAMP: () =>
      fixed(
        new arrow.TimestampMicrosecond('UTC'),
        (length) => new BigInt64Array(length),
        (value) => (value as DuckDBTimestampValue).micros,
      ),
    VARCHAR: () => ({
      type: new arrow.Utf8(),
      encode(values) {
        // Columns often repeat a value row after row.
        let last: { readonly value: DuckDBValue; readonly bytes: Buffer } | undefined;
        const texts = values.map((value) => {
          if (last?.value !== value) last = { value, bytes: Buffer.from((value as string | null) ?? '') };
          return last.bytes;
        });
        const valueOffsets = new Int32Array(values.length + 1);
        texts.forEach((text, row) => {
          valueOffsets[row + 1] = (valueOffsets[row] as number) + text.length;
        });
        const data = Buffer.concat(texts);
        return makeData({ type: new arrow.Utf8(), length: values.length, data, valueOffsets, ...validity(values) });
      },
    }),
  };
  if (Object.hasOwn(codecs, sqlType)) return codecs[sqlType as SqlType]();
  throw new PipelineError('INTERNAL', `the column ${name} has the type ${sqlType}, which cannot be written as Arrow`);
}

/** One bit per value, the first in the lowest bit of the first byte. */
function bits(values: readonly DuckDBValue[], isSet: (value: DuckDBValue) => boolean): Uint8Array {
  const bytes = new Uint8Array(Math.ceil(values.length / 8));
  values.forEach((value, row) => {
    if (isSet(value)) bytes[row >> 3] = (bytes[row >> 3] as number) | (1 << (row & 7));
  });
  return bytes;
}

function validity(values: readonly DuckDBValue[]) {
  const nullCount = values.reduce<number>((count, value) => (value === null ? count + 1 : count), 0);
  return nullCount === 0 ? { nullCount } : { nullCount, nullBitmap: bits(values, (value) => value !== null) };
}
