import type { Expression, Kysely, SelectQueryBuilder } from 'kysely';
import type { Vars } from './config/vars.ts';
import type { partitionState } from './schema/system.ts';
import type { DatabaseOf, RowOf, Schema, Table, ValueOf } from './schema/table.ts';
import { joinTexts } from './vocabulary/index.ts';

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

/** Name of a source: a table, or a table under one of its names in the query. */
type SourceName<S extends Schema> = (keyof S & string) | `${keyof S & string} as ${string}`;

type TableOf<S extends Schema, Name> = Name extends keyof S
  ? S[Name]
  : Name extends `${infer Table extends keyof S & string} as ${string}`
    ? S[Table]
    : never;

type ColumnOf<T> = T extends Table ? keyof T['columns'] & string : never;

/**
 * Which partitions of a model the rows of a source matter to.
 * - `by` names the column of the source that a partition column is taken from, if it has another name: a DATE or a month
 *   is also taken from a TIMESTAMP. `['first_date', 'last_date']` says that a row counts on every day from one to the other,
 *   both included. Partition columns that are left out say nothing: the row matters whatever their values.
 * - `looksBack` says that a partition also reads the rows of so many days before its own.
 * - `through` says that a row matters wherever rows of another source that equal it in the columns `on` do.
 * - `whole` says that every row matters to every partition.
 */
export type SourceMap<Columns extends string = string, Parts extends string = string, Tables extends string = string> =
  | 'whole'
  | {
      readonly by?: { readonly [Part in Parts]?: Columns | readonly [from: Columns, until: Columns] };
      readonly looksBack?: `${number} days`;
    }
  | { readonly through: Tables; readonly on: readonly Columns[] };

export type SourceMaps<S extends Schema, T extends Table> = {
  readonly [Name in SourceName<S>]?: SourceMap<
    ColumnOf<TableOf<S, Name>>,
    keyof PartitionOf<T> & string,
    keyof S & string
  >;
};

export interface ModelDefinition<S extends Schema, T extends Table, Output = RowOf<T>> {
  /** The rows of the whole table. The engine builds only the partitions that a change of its sources can reach. */
  readonly query: (context: ModelContext<DatabaseOf<S>>) => Query<Output> & ExactRows<Output, RowOf<T>>;
  /**
   * For each source whose partition columns are not all named as those of the model: which partitions its rows matter
   * to. The engine reads no more of a source than these need, and compares a partition that no change reached.
   */
  readonly sources?: SourceMaps<S, T>;
  /**
   * For a query that reads the clock in a condition: so long after its day, the rows of a partition no longer depend
   * on it. Without it they are all looked at whenever the clock has moved.
   */
  readonly settlesAfter?: `${number} days`;
  /**
   * In place of changes noted by the engine, for models of staged files and for speed: one row per partition, with the
   * digest of its inputs. A partition that is no longer returned is removed. Must read every table and column that
   * `query` reads, and use every column that its subqueries select, because a change of another would go unnoticed.
   */
  readonly inputs?: (context: ModelContext<DatabaseOf<S>>) => Query<InputRow<T>>;
  /**
   * Archives with invalid values; their partitions are built without them. Called after `query` has failed: here the
   * columns of sources are the texts of the files, whereas in `query` they have the types of the definition.
   */
  readonly rejects?: (context: ModelContext<DatabaseOf<S>>) => Query<{ key: string; reason: string }>;
  /** Statements that run in the publishing transaction, after the rows and the state; also if nothing was dirty. */
  readonly published?: (context: ModelContext<DatabaseOf<S>>) => readonly { compile(): { readonly sql: string } }[];
}

export interface Model<T extends Table = Table> {
  readonly table: T;
  readonly definition: ModelDefinition<Schema, Table, unknown>;
}

/** The table that `defineModel` is given, or that it names. */
type TableOfModel<S extends Schema, Of> = Of extends Table ? Of : Of extends keyof S ? S[Of] : never;

/**
 * Returns `defineModel` for a schema: a query whose columns are not exactly those of its table does not compile. A model
 * names a table of the schema, or brings one of its own that no other module names.
 */
export function modelsOf<S extends Schema>(schema: S) {
  return function defineModel<const Of extends (keyof S & string) | Table, Output>(
    of: Of,
    definition: ModelDefinition<S, TableOfModel<S, Of>, Output>,
  ): Model {
    const table = (typeof of === 'string' ? schema[of] : of) as Table;
    return Object.freeze({ table, definition: definition as unknown as Model['definition'] });
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

type States = { partition_state: RowOf<typeof partitionState> };

/**
 * The states of a table's partitions: `partition`, its text, and `digest` of what it contains. They stand for its rows,
 * so `inputs` that read them read the table.
 */
export const stateOf = (db: { readonly selectFrom: unknown }, table: string) =>
  (db as Pick<Kysely<States>, 'selectFrom'>).selectFrom(({ selectFrom }) =>
    selectFrom('partition_state')
      .where('partition_state.model', '=', table)
      .select(({ ref }) => [
        'partition_state.partition',
        joinTexts('/', ref('partition_state.input_digest'), ref('partition_state.rows_digest')).as('digest'),
      ])
      .as('state'),
  );
