/** The SQL types that tables use, and the TypeScript value that each reads and writes. */
export interface SqlTypes {
  BOOLEAN: boolean;
  TINYINT: number;
  SMALLINT: number;
  INTEGER: number;
  BIGINT: bigint;
  FLOAT: number;
  DOUBLE: number;
  VARCHAR: string;
  /** Midnight UTC of the day. */
  DATE: Date;
  /** UTC, microseconds in the warehouse, milliseconds as a `Date`. */
  TIMESTAMP: Date;
}

export type SqlType = keyof SqlTypes;

/** Ends in a period, so that a parser can tell it from what follows it in a comment. */
export type Sentence = `${string}.`;

export interface Column<Type extends SqlType = SqlType, Nullable extends boolean = boolean> {
  readonly type: Type;
  readonly nullable: Nullable;
  readonly description: string;
  /** What a value measures: `EUR`, `bytes`, `percent` … */
  readonly unit?: string;
  /** The only allowed values. */
  readonly oneOf?: readonly string[];
  /** Smallest value. */
  readonly min?: number;
  /** Largest value. */
  readonly max?: number;
  /** Set only for a live database: definitions have no defaults, so every writer states each value. */
  readonly default?: string;
}

/** The options of a column of this type. */
type ColumnOptions<Type extends SqlType> = Pick<Column, 'unit'> &
  (SqlTypes[Type] extends number | bigint ? Pick<Column, 'min' | 'max'> : unknown) &
  (SqlTypes[Type] extends string ? { readonly oneOf?: readonly [string, ...string[]] } : unknown);

type ColumnOf<Type extends SqlType> = {
  (description: Sentence, options?: ColumnOptions<Type>): Column<Type, false>;
  /** The same column, but NULL is allowed. */
  nullable(description: Sentence, options?: ColumnOptions<Type>): Column<Type, true>;
};

function columnOf<Type extends SqlType>(type: Type): ColumnOf<Type> {
  const make =
    <Nullable extends boolean>(nullable: Nullable) =>
    (description: Sentence, options?: ColumnOptions<Type>): Column<Type, Nullable> =>
      Object.freeze({ type, nullable, description, ...options });
  return Object.assign(make(false), { nullable: make(true) });
}

export const boolean = columnOf('BOOLEAN');
export const tinyint = columnOf('TINYINT');
export const smallint = columnOf('SMALLINT');
export const integer = columnOf('INTEGER');
export const bigint = columnOf('BIGINT');
export const float = columnOf('FLOAT');
export const double = columnOf('DOUBLE');
export const varchar = columnOf('VARCHAR');
export const date = columnOf('DATE');
export const timestamp = columnOf('TIMESTAMP');

export type Columns = Readonly<Record<string, Column>>;

/** The TypeScript value of a column, including `null` if the column allows it. */
export type ValueOf<C extends Column> =
  C extends Column<infer Type, infer Nullable> ? SqlTypes[Type] | (Nullable extends true ? null : never) : never;

/** A partition is named by columns, or by the month that a timestamp column falls in. */
export type PartitionPart<Name extends string = string> = Name | { readonly month: Name };

export type IndexPart<Name extends string = string> = Name | { readonly desc: Name };

/** A condition between two columns of a row. */
export type Check<Name extends string = string> = readonly [Name, '<' | '<=' | '=' | '>=' | '>', Name];

export interface Table<
  Name extends string = string,
  Cols extends Columns = Columns,
  Parts extends readonly PartitionPart[] = readonly PartitionPart[],
> {
  readonly name: Name;
  readonly description: string;
  readonly columns: Cols;
  /** Unique; enforced by a primary key unless `keyHeldBy` says that replacing whole partitions keeps it unique. */
  readonly key: readonly string[];
  readonly keyHeldBy?: 'partition';
  /** Created when a database is published. The warehouse has none: see docs/decisions/0012. */
  readonly indexes?: Readonly<Record<string, readonly IndexPart[]>>;
  readonly checks?: readonly Check[];
  /** Table → the columns that contain (part of) its key. Not enforced; shown in docs/tables.md. */
  readonly references?: Readonly<Record<string, readonly string[]>>;
  /** The unit of replacement; a table without it is replaced whole. */
  readonly partition?: Parts;
  /**
   * `source`: read from files at build time, never created in the warehouse. `view`: its rows are computed by its
   * model's query when it is read.
   */
  readonly kind?: 'table' | 'source' | 'view';
  /** For a source: its first columns, which are constant for a file and not contained in it. */
  readonly perFile?: readonly string[];
  /** Set only for a live database: constraints that a definition cannot express. */
  readonly otherConstraints?: readonly string[];
}

type NotNull<Cols extends Columns> = {
  [K in keyof Cols]: Cols[K] extends Column<SqlType, false> ? K : never;
}[keyof Cols];

/** The options of a table. They can name only its own columns, and a key is never NULL. */
interface TableOptions<Cols extends Columns, Parts>
  extends Pick<Table<string, Cols>, 'columns' | 'keyHeldBy' | 'kind'> {
  readonly description: Sentence;
  readonly key: readonly (NotNull<Cols> & string)[];
  readonly indexes?: Readonly<Record<string, readonly IndexPart<keyof Cols & string>[]>>;
  readonly checks?: readonly Check<keyof Cols & string>[];
  readonly references?: Readonly<Record<string, readonly (keyof Cols & string)[]>>;
  readonly partition?: Parts;
  readonly perFile?: readonly (keyof Cols & string)[];
}

export type RowOf<T extends Table> = { [K in keyof T['columns']]: ValueOf<T['columns'][K]> };

export function table<
  const Name extends string,
  const Cols extends Columns,
  const Parts extends readonly PartitionPart<keyof Cols & string>[] = readonly [],
>(name: Name, options: TableOptions<Cols, Parts>): Table<Name, Cols, Parts> {
  return Object.freeze({ ...options, name });
}

export const desc = <const Name extends string>(name: Name) => ({ desc: name }) as const;
export const month = <const Name extends string>(name: Name) => ({ month: name }) as const;

export type Schema = Readonly<Record<string, Table>>;

/** Kysely's `Database` interface of a schema: table name → row. */
export type DatabaseOf<S extends Schema> = { [K in keyof S & string]: RowOf<S[K]> };

/** The tables that the warehouse contains: a source is read from files, a view is computed from other tables. */
export const storedTables = (schema: Schema): readonly Table[] =>
  Object.values(schema).filter(({ kind = 'table' }) => kind === 'table');

/** True if an index enforces the key; otherwise replacing whole partitions does. */
export const hasPrimaryKey = (table: Table): boolean => table.keyHeldBy !== 'partition' && table.key.length > 0;
