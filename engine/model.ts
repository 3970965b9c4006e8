import { type Expression, type Kysely, type SelectQueryBuilder, sql } from 'kysely';
import type { Vars } from './config/vars.ts';
import type { partitionState } from './schema/system.ts';
import type { DatabaseOf, RowOf, Schema, Table, ValueOf } from './schema/table.ts';

type IsOne<Part, All = Part> = Part extends unknown ? ([All] extends [Part] ? true : false) : never;

/** `month_of_<column>` if another part of the partition is called `month`. */
type MonthName<Part, Column extends string> = 'month' extends Part
  ? `month_of_${Column}`
  : IsOne<Extract<Part, { month: string }>> extends true
    ? 'month'
    : `month_of_${Column}`;

/** Name → value of a table's partition columns: `{ date: Date }`, or `{ region: string, month: Date }`. */
export type PartitionOf<T extends Table> = {
  [Part in NonNullable<T['partition']>[number] as Part extends { month: infer Column extends string }
    ? MonthName<NonNullable<T['partition']>[number], Column>
    : Part & string]: Part extends {
    month: string;
  }
    ? Date
    : ValueOf<T['columns'][Part & string]>;
};

/** A partition and the digest of everything that its rows depend on. */
export type InputRow<T extends Table> = PartitionOf<T> & { digest: string };

export interface ModelContext<DB> {
  /** Compiles queries; the engine runs them. */
  readonly db: Kysely<DB>;
  readonly vars: Vars;
  /** The run's clock. Its text is constant, so that a later run makes nothing dirty by itself. */
  readonly asOf: Expression<Date>;
}

/** `dirty_partitions` has the partitions that are being rebuilt, unless the project has a table of that name. */
export type BuildDatabase<S extends Schema, T extends Table> = DatabaseOf<S> &
  ('dirty_partitions' extends keyof S ? unknown : { dirty_partitions: PartitionOf<T> & { partition: string } });

// biome-ignore lint/suspicious/noExplicitAny: which tables a query reads is read from its operation tree
type Query<Row> = SelectQueryBuilder<any, any, Row>;

type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : false) : false;

/** Columns whose name, type or nullability differs between a query and its table. */
type ColumnsThatDiffer<Output, Row> = {
  [K in keyof Output | keyof Row]: K extends keyof Output & keyof Row
    ? Same<Output[K], Row[K]> extends true
      ? never
      : K
    : K;
}[keyof Output | keyof Row];

type ExactRows<Output, Row> = [ColumnsThatDiffer<Output, Row>] extends [never]
  ? unknown
  : { readonly 'these columns differ from the table': ColumnsThatDiffer<Output, Row> };

export interface ModelDefinition<S extends Schema, T extends Table, Output = RowOf<T>> {
  /** One row per partition, with the digest of its inputs. A partition that is no longer returned is removed. */
  readonly inputs: (context: ModelContext<BuildDatabase<S, T>>) => Query<InputRow<T>>;
  /**
   * The rows of the dirty partitions; rows of other partitions are not stored, but cost time. Must not read a table
   * that `inputs` does not read, because a change of it would go unnoticed.
   */
  readonly query: (context: ModelContext<BuildDatabase<S, T>>) => Query<Output> & ExactRows<Output, RowOf<T>>;
  /**
   * Archives with invalid values; their partitions are built without them. Called after `query` has failed: here the
   * columns of sources are the texts of the files, whereas in `query` they have the types of the definition.
   */
  readonly rejects?: (context: ModelContext<BuildDatabase<S, T>>) => Query<{ key: string; reason: string }>;
  /** Statements that run in the publishing transaction, after the rows and the state; also if nothing was dirty. */
  readonly published?: (
    context: ModelContext<BuildDatabase<S, T>>,
  ) => readonly { compile(): { readonly sql: string } }[];
}

export interface Model<T extends Table = Table> {
  readonly table: T;
  readonly definition: ModelDefinition<Schema, Table, unknown>;
}

/** Returns `defineModel` for a schema's tables: a query whose columns are not exactly the table's does not compile. */
export function modelsOf<S extends Schema>(schema: S) {
  return function defineModel<const Name extends keyof S & string, Output>(
    name: Name,
    definition: ModelDefinition<S, S[Name], Output>,
  ): Model {
    return Object.freeze({ table: schema[name] as Table, definition: definition as unknown as Model['definition'] });
  };
}

/** A custom data test of tests/data: every row that `failures` returns breaks the rule. */
export interface DataTest<S extends Schema = Schema> {
  readonly description: string;
  readonly failures: (context: ModelContext<DatabaseOf<S>>) => Query<Record<string, unknown>>;
  /** One row with the measured value and its threshold, kept even if the test passes. */
  readonly measure?: (context: ModelContext<DatabaseOf<S>>) => Query<{ value: number | null; threshold: number }>;
}

export const dataTestsOf =
  <S extends Schema>(_schema: S) =>
  (test: DataTest<S>): DataTest<S> =>
    Object.freeze(test);

/** Digest of a group's rows over these columns, independent of row order; `0` for no rows. */
export const rowsDigest = (...columns: readonly Expression<unknown>[]) =>
  sql<string>`cast(coalesce(sum(hash(${sql.join(columns)})), 0) as VARCHAR)`;

type States = { partition_state: RowOf<typeof partitionState> };

/** The states of a table's partitions. Its digests represent its rows, so `inputs` that read them read the table. */
export const stateOf = (db: { readonly selectFrom: unknown }, table: string) =>
  (db as Pick<Kysely<States>, 'selectFrom'>).selectFrom('partition_state').where('partition_state.model', '=', table);
