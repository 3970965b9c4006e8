import type { Kysely, SelectQueryBuilder } from 'kysely';

/**
 * A result turned by 90 degrees. Numbers, counts (exact up to 2^53) and times (ms since 1970, UTC, with fractions) are
 * a Float64Array, in which NULL is NaN; everything else is a plain array.
 */
export type ColumnsOf<Row> = {
  [Name in keyof Row]: NonNullable<Row[Name]> extends number | bigint | Date ? Float64Array : Row[Name][];
};

// biome-ignore lint/suspicious/noExplicitAny: which tables a query reads is read from its operation tree
export type ReadQuery<Row> = SelectQueryBuilder<any, any, Row>;

export interface ReaderOptions {
  /** Path of the warehouse. */
  readonly warehouse: string;
  /** Folder of the last exports, which answer while a build holds the warehouse. */
  readonly exports?: string;
  /** Folder that holds migrations/, all of which the warehouse must have been through; unknown, nothing is checked. */
  readonly root?: string;
  /** How long to wait for a build; 5 s by default. */
  readonly waitMs?: number;
  readonly signal?: AbortSignal;
}

/** Files that answer in place of a warehouse that a build holds. */
export interface StandIn {
  /** Why, naming the process that holds the warehouse. */
  readonly reason: string;
  readonly tables: readonly string[];
  /** When the oldest of them was written. */
  readonly writtenAt: Date;
}

/** `arrow` is Arrow's file, `arrows` its stream: the names that files of either have. */
export const copyFormats = ['csv', 'json', 'parquet', 'arrow', 'arrows'] as const;
export type CopyFormat = (typeof copyFormats)[number];

/** A warehouse that is only read. Every method throws TABLE_MISSING for a table that is not there. */
export interface Reader<DB> extends AsyncDisposable {
  /** Writes queries; it runs none. */
  readonly db: Kysely<DB>;
  readonly standIn: StandIn | undefined;
  rows<Row extends object>(query: ReadQuery<Row>): Promise<readonly Row[]>;
  /** Row by row as they are computed: for more rows than memory holds. */
  stream<Row extends object>(query: ReadQuery<Row>): AsyncIterable<Row>;
  columns<Row extends object>(query: ReadQuery<Row>): Promise<ColumnsOf<Row>>;
  /** The first `limit` rows as DuckDB writes them, with the SQL type of each column. */
  texts(query: ReadQuery<object>, limit: number): Promise<TextRows>;
  /** Writes all rows to a file and returns their number. `metadata` goes into Parquet and Arrow, in which times are UTC by their type. */
  copy(
    query: ReadQuery<object>,
    to: { readonly file: string; readonly format: CopyFormat; readonly metadata?: Readonly<Record<string, string>> },
  ): Promise<number>;
}

export interface TextRows {
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly rows: readonly (readonly (string | null)[])[];
}
