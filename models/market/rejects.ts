import { type Expression, type Kysely, sql } from 'kysely';
import { cast } from '../../engine/index.ts';
import type { Database } from '../schema.ts';

const prices = ['open', 'high', 'low', 'close'] as const;
const values = [...prices, 'volume', 'quote_volume', 'taker_buy_volume', 'taker_buy_quote_volume', 'count'] as const;
const columns = [...values, 'close_time'] as const;

type Name = (typeof columns)[number];
/** From here on two whole numbers share a double. */
const inexact = sql.lit(2 ** 53);

type Ref = (name: Name) => Expression<unknown>;

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
  readonly code: 'not_a_number' | 'negative_value' | 'ohlc_nonsense' | 'conflicting_duplicate';
  /** What a person is shown. */
  readonly says: Expression<unknown>;
}

/** Why a line cannot be believed, in the order of asking. */
function defects(ref: Ref, contradicts: Expression<unknown>): readonly Defect[] {
  const tried = (name: Name) => sql`try_cast(${ref(name)} as DOUBLE)`;
  const text = (name: Name) => sql`${sql.lit(`${name} `)} || coalesce(nullif(${ref(name)}, ''), 'is empty')`;
  const [open, high, low, close] = [tried('open'), tried('high'), tried('low'), tried('close')];
  return [
    ...values.map(
      (name): Defect => ({
        is: sql`coalesce(not isfinite(${tried(name)}), true)`,
        code: 'not_a_number',
        says: text(name),
      }),
    ),
    // A cast to BIGINT alone would round `7.5` and store what nobody published.
    ...(['count', 'close_time'] as const).map(
      (name): Defect => ({
        is: sql`coalesce(try_cast(${ref(name)} as BIGINT) <> ${tried(name)} or abs(${tried(name)}) >= ${inexact}, true)`,
        code: 'not_a_number',
        says: text(name),
      }),
    ),
    ...values.map((name): Defect => ({ is: sql`${tried(name)} < 0`, code: 'negative_value', says: text(name) })),
    {
      is: sql`${low} > least(${open}, ${close}) or ${high} < greatest(${open}, ${close})`,
      code: 'ohlc_nonsense',
      says: sql`concat_ws(', ', ${sql.join(prices.map(text))})`,
    },
    { is: contradicts, code: 'conflicting_duplicate', says: sql.lit('opens when the row above it does, and differs') },
  ];
}
