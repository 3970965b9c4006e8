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

export interface Column<Type extends SqlType = SqlType, Nullable extends boolean = boolean> {
  readonly type: Type;
  readonly nullable: Nullable;
  readonly description: string;
  /** What a value counts: `USDT`, `bytes`, `base asset`, `percent` … */
  readonly unit?: string;
}

interface ColumnOptions {
  readonly unit?: string;
}

type ColumnOf<Type extends SqlType> = {
  (description: string, options?: ColumnOptions): Column<Type, false>;
  /** The same column where NULL is an answer. */
  nullable(description: string, options?: ColumnOptions): Column<Type, true>;
};

function columnOf<Type extends SqlType>(type: Type): ColumnOf<Type> {
  const make =
    <Nullable extends boolean>(nullable: Nullable) =>
    (description: string, options: ColumnOptions = {}): Column<Type, Nullable> =>
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
