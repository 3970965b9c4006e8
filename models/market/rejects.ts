import { type Expression, type Kysely, sql } from 'kysely';
import { cast } from '../../engine/index.ts';
import { type DefectCode, figures, inexact, pairs, wholes } from '../../exchange/bar-rules.ts';
import type { Database } from '../schema.ts';

const columns = [...figures, 'close_time'] as const;

type Column = (typeof columns)[number];
type Ref = (name: Column) => Expression<unknown>;

/**
 * Archives with a value that cannot be believed (A11, A14), with the first of their rows that has one: what makes `barOf`
 * and `chosenBars` give up, found again in the texts as they were published. Rows are counted from 1 below the header.
 */
export const rejectedArchives = (db: Kysely<Database>) =>
  db
    .with('published', (published) =>
      published
        .selectFrom('staged_klines')
        .select(['archive_key', 'open_time', ...columns])
        .unionAll(published.selectFrom('overlapping_klines').select(['archive_key', 'open_time', ...columns]) as never),
    )
    .with('numbered', (numbered) =>
      numbered
        .selectFrom('published')
        .selectAll()
        .select(({ ref }) => {
          // Without a partition and an order it is the order of the files, and nothing is kept in memory.
          const above = (what: Expression<unknown>) => sql`lag(${what}) over ()`;
          const [key, time] = [ref('archive_key'), ref('open_time')];
          const texts = sql`hash(${sql.join(columns.map((name) => ref(name)))})`;
          return [
            cast('BIGINT', sql`row_number() over ()`).as('line'),
            cast(
              'BOOLEAN',
              sql`coalesce(${above(key)} = ${key} and ${above(time)} = ${time} and ${above(texts)} <> ${texts}, false)`,
            ).as('contradicts'),
          ];
        }),
    )
    .with('judged', (judged) =>
      judged.selectFrom('numbered').select(({ ref }) => {
        const found = defects(ref as Ref, ref('contradicts'));
        const first = (of: (defect: Defect) => Expression<unknown>) =>
          sql`case ${sql.join(
            found.map((defect) => sql`when ${defect.is} then ${of(defect)}`),
            sql` `,
          )} end`;
        return [
          'archive_key',
          'line',
          cast
            .nullable(
              'VARCHAR',
              first(({ code }) => sql.lit(code)),
            )
            .as('code'),
          cast
            .nullable(
              'VARCHAR',
              first(({ says }) => says),
            )
            .as('says'),
        ];
      }),
    )
    .selectFrom('judged')
    .groupBy('archive_key')
    .having(({ eb, fn }) => eb(fn.count('code'), '>', 0n))
    .orderBy('archive_key')
    .select(({ ref }) => {
      const [code, line] = [ref('code'), ref('line')];
      const first = (what: Expression<unknown>) => sql`arg_min(${what}, ${line}) filter (where ${code} is not null)`;
      return [
        'archive_key as key',
        cast(
          'VARCHAR',
          sql`${first(code)} || ': row ' || (${first(line)} - min(${line}) + 1) || ', ' || ${first(ref('says'))}`,
        ).as('reason'),
      ];
    });

interface Defect {
  readonly is: Expression<unknown>;
  readonly code: DefectCode | 'conflicting_duplicate';
  /** What a person is shown. */
  readonly says: Expression<unknown>;
}

/** Why a line cannot be believed, in the order in which `defectOf` of exchange/bar-rules.ts asks. */
function defects(ref: Ref, contradicts: Expression<unknown>): readonly Defect[] {
  const tried = (name: Column) => sql`try_cast(${ref(name)} as DOUBLE)`;
  const text = (name: Column) => sql`${sql.lit(`${name} `)} || coalesce(nullif(${ref(name)}, ''), 'is empty')`;
  const says = (names: readonly Column[]) => sql`concat_ws(', ', ${sql.join(names.map(text))})`;
  return [
    ...figures.map(
      (name): Defect => ({
        is: sql`coalesce(not isfinite(${tried(name)}), true)`,
        code: 'not_a_number',
        says: text(name),
      }),
    ),
    ...wholes.map(
      (name): Defect => ({
        is: sql`coalesce(floor(${tried(name)}) <> ${tried(name)} or abs(${tried(name)}) >= ${sql.lit(inexact)}, true)`,
        code: 'not_a_number',
        says: text(name),
      }),
    ),
    ...figures.map((name): Defect => ({ is: sql`${tried(name)} < 0`, code: 'negative_value', says: text(name) })),
    ...pairs.map(
      ({ lesser, greater, code, shown }): Defect => ({
        is: sql`${tried(lesser)} > ${tried(greater)}`,
        code,
        says: says(shown),
      }),
    ),
    { is: contradicts, code: 'conflicting_duplicate', says: sql.lit('opens when the row above it does, and differs') },
  ];
}
