import type { Kysely, SelectQueryBuilder } from 'kysely';

/**
 * A result by column instead of by row. Numbers, counts (exact up to 2^53) and times (ms since 1970, UTC, with
 * fractions) are a Float64Array, in which NULL is NaN; everything else is a plain array.
 */
export type ColumnsOf<Row> = {
  [Name in keyof Row]: NonNullable<Row[Name]> extends number | bigint | Date ? Float64Array : Row[Name][];
};

// biome-ignore lint/suspicious/noExplicitAny: which tables a query reads is read from its operation tree
export type ReadQuery<Row> = SelectQueryBuilder<any, any, Row>;

export interface ReaderOptions {
  /** Path of the warehouse. */
  readonly warehouse: string;
  /** Folder of the last exports, which are read while a build holds the warehouse. */
  readonly exports?: string;
  /** Folder that contains migrations/, all of which must be applied to the warehouse; unchecked if not given. */
  readonly root?: string;
  /** Time to wait for a build, in ms; 5,000 by default. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

/** Files that are read instead of a warehouse that a build holds. */
export interface StandIn {
  /** The reason, naming the process that holds the warehouse. */
  readonly reason: string;
  readonly tables: readonly string[];
  /** When the oldest of the files was written. */
  readonly writtenAt: Date;
}

/** `arrow` is Arrow's file format, `arrows` its stream format, after their usual file extensions. */
export const copyFormats = ['csv', 'json', 'parquet', 'arrow', 'arrows'] as const;
export type CopyFormat = (typeof copyFormats)[number];

/** A read-only warehouse. Every method throws TABLE_MISSING for a table that does not exist. */
export interface Reader<DB> extends AsyncDisposable {
  /** Builds queries; it does not run them. */
  readonly db: Kysely<DB>;
  readonly standIn: StandIn | undefined;
  rows<Row extends object>(query: ReadQuery<Row>): Promise<readonly Row[]>;
  /** Yields rows as they are computed, for results that do not fit into memory. */
  stream<Row extends object>(query: ReadQuery<Row>): AsyncIterable<Row>;
  columns<Row extends object>(query: ReadQuery<Row>): Promise<ColumnsOf<Row>>;
  /** Returns the first `limit` rows as DuckDB prints them, with the SQL type of each column. */
  texts(query: ReadQuery<object>, limit: number): Promise<TextRows>;
  /** Writes all rows to a file and returns their number. `metadata` goes into Parquet and Arrow, with UTC times. */
  copy(
    query: ReadQuery<object>,
    to: { readonly file: string; readonly format: CopyFormat; readonly metadata?: Readonly<Record<string, string>> },
  ): Promise<number>;
}

export interface TextRows {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly (string | null)[])[];
}
