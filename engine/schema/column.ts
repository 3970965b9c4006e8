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

/** Ends in a period, so that a comment can carry more after it and be read back. */
export type Sentence = `${string}.`;

export interface Column<Type extends SqlType = SqlType, Nullable extends boolean = boolean> {
  readonly type: Type;
  readonly nullable: Nullable;
  readonly description: string;
  /** What a value counts: `EUR`, `bytes`, `percent` … */
  readonly unit?: string;
  /** The only values there are. */
  readonly oneOf?: readonly string[];
  /** Smallest value. */
  readonly min?: number;
  /** Largest value. */
  readonly max?: number;
  /** Only of a live database: no definition has defaults, whoever writes a row says what is in it. */
  readonly default?: string;
}

/** What a column of this type can say of itself. */
type ColumnOptions<Type extends SqlType> = Pick<Column, 'unit'> &
  (SqlTypes[Type] extends number | bigint ? Pick<Column, 'min' | 'max'> : unknown) &
  (SqlTypes[Type] extends string ? { readonly oneOf?: readonly [string, ...string[]] } : unknown);

type ColumnOf<Type extends SqlType> = {
  (description: Sentence, options?: ColumnOptions<Type>): Column<Type, false>;
  /** The same column where NULL is an answer. */
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
