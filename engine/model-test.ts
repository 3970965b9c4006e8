import type { VarValue } from './config/vars.ts';
import type { Column, Schema, SqlType, SqlTypes, Table } from './schema/table.ts';

type DayText = `${number}-${number}-${number}`;
type TimeText = DayText | `${DayText}T${string}`;

/** Types that a test may write in a shorter way than rows are read in. */
interface Shorter {
  BIGINT: number;
  /** `2025-06-01` */
  DATE: DayText;
  /** UTC: `2025-06-01T08:00:00Z`, or `2025-06-01` for midnight. */
  TIMESTAMP: TimeText;
}

type Written<Type extends SqlType> = SqlTypes[Type] | (Type extends keyof Shorter ? Shorter[Type] : never);

type WrittenOf<C extends Column> =
  C extends Column<infer Type, infer Nullable> ? Written<Type> | (Nullable extends true ? null : never) : never;

/** A row of a table as far as it matters to a test. */
export type SparseRow<T extends Table> = { readonly [K in keyof T['columns']]?: WrittenOf<T['columns'][K]> };

/** A unit test of a model: what its query returns for a few rows. */
export interface ModelTest<S extends Schema = Schema, Name extends keyof S & string = keyof S & string> {
  readonly model: Name;
  /** Explains the test to readers of a failure. */
  readonly description?: string;
  /**
   * Rows of the tables that the model reads; a table that is not named is empty. A column that is left out is NULL, or,
   * if it does not allow NULL, its first allowed value, its smallest one from 0 on, false, `''` or 1970-01-01.
   */
  readonly given: { readonly [T in keyof S]?: readonly SparseRow<S[T]>[] };
  /** All rows of the result in any order. Only the columns that they have are compared. */
  readonly expect: readonly SparseRow<S[Name]>[];
  /** Vars that differ from their defaults in pipeline.yaml, as one writes them there. */
  readonly vars?: Readonly<Record<string, VarValue>>;
  /** The clock; needed if the model reads it. */
  readonly asOf?: Date | TimeText;
}

/**
 * Returns `defineModelTest` for the tables of a schema: a column that a table does not have, or a value of another type,
 * does not compile.
 */
export function modelTestsOf<S extends Schema>(_schema: S) {
  return function defineModelTest<const Name extends keyof S & string>(test: ModelTest<S, Name>): ModelTest<S, Name> {
    return Object.freeze(test);
  };
}
