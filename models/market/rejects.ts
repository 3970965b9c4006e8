import { type Expression, expressionBuilder, type Kysely } from 'kysely';
import {
  abs,
  type Condition,
  cast,
  choose,
  concat,
  count,
  firstBy,
  floor,
  holds,
  isFiniteNumber,
  joinTexts,
  lag,
  literal,
  min,
  minus,
  neverNull,
  nullIf,
  plus,
  rowHash,
  rowNumber,
  tryCast,
} from '../../engine/vocabulary/index.ts';
import { type DefectCode, figures, inexact, pairs, wholes } from '../../exchange/bar-rules.ts';
import type { Database } from '../schema.ts';

const { and, eb, fn, not, or } = expressionBuilder<Database>();

const columns = [...figures, 'close_time'] as const;

type Column = (typeof columns)[number];
type Ref = (name: Column) => Expression<string>;

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
          const texts = rowHash(...columns.map((name) => ref(name)));
          // Without a partition and an order it is the order of the files, and nothing is kept in memory.
          const repeats = and([
            eb(lag(ref('archive_key')).over(), '=', ref('archive_key')),
            eb(lag(ref('open_time')).over(), '=', ref('open_time')),
          ]);
          return [
            rowNumber().over().as('line'),
            holds(and([repeats, eb(lag(texts).over(), '<>', texts)])).as('contradicts'),
          ];
        }),
    )
    .with('judged', (judged) =>
      judged.selectFrom('numbered').select(({ ref }) => {
        const found = defects(ref as unknown as Ref, ref('contradicts'));
        return [
          'archive_key',
          'line',
          choose(found.map(({ is, code }) => [is, literal(code)] as const)).as('code'),
          choose(found.map(({ is, says }) => [is, says] as const)).as('says'),
        ];
      }),
    )
    .selectFrom('judged')
    .groupBy('archive_key')
    .having(({ eb, ref }) => eb(count(ref('code')), '>', 0n))
    .orderBy('archive_key')
    .select(({ ref }) => {
      const [code, line] = [ref('code'), ref('line')];
      const first = <T>(what: Expression<T>) => firstBy(what, line).filter(eb(code, 'is not', null));
      const row = plus(minus(first(line), min(line)), 1n);
      return [
        'archive_key as key',
        neverNull(concat(first(code), ': row ', cast('VARCHAR', row), ', ', first(ref('says')))).as('reason'),
      ];
    });

interface Defect {
  readonly is: Condition;
  readonly code: DefectCode | 'conflicting_duplicate';
  /** Text for people. */
  readonly says: Expression<string>;
}

/** Why a line cannot be believed, in the order in which `defectOf` of exchange/bar-rules.ts asks. */
function defects(ref: Ref, contradicts: Condition): readonly Defect[] {
  const tried = (name: Column) => tryCast('DOUBLE', ref(name));
  const text = (name: Column) => concat(`${name} `, fn.coalesce(nullIf(ref(name), ''), literal('is empty')));
  const orUnknown = (condition: Condition) => holds(condition, { ifUnknown: true });
  return [
    ...figures.map(
      (name): Defect => ({
        is: orUnknown(not(isFiniteNumber(tried(name)))),
        code: 'not_a_number',
        says: text(name),
      }),
    ),
    ...wholes.map(
      (name): Defect => ({
        is: orUnknown(or([eb(floor(tried(name)), '<>', tried(name)), eb(abs(tried(name)), '>=', inexact)])),
        code: 'not_a_number',
        says: text(name),
      }),
    ),
    ...figures.map((name): Defect => ({ is: eb(tried(name), '<', 0), code: 'negative_value', says: text(name) })),
    ...pairs.map(
      ({ lesser, greater, code, shown }): Defect => ({
        is: eb(tried(lesser), '>', tried(greater)),
        code,
        says: joinTexts(', ', ...shown.map(text)),
      }),
    ),
    {
      is: contradicts,
      code: 'conflicting_duplicate',
      says: literal('opens when the row above it does, and differs'),
    },
  ];
}
