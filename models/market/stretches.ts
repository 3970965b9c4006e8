import { expressionBuilder, type SelectQueryBuilder, sql } from 'kysely';
import { cast } from '../../engine/index.ts';
import type { Database } from '../schema.ts';

/** Missing slots `[from_slot, to_slot)` of a series, of one cause. */
export interface Part {
  id: bigint;
  from_slot: bigint;
  to_slot: bigint;
  cause: string;
  evidence: string;
}

/** Parts with the `number` of the stretch that they make with their neighbours of the same cause. */
// biome-ignore lint/suspicious/noExplicitAny: of any query
export function numberStretches(parts: SelectQueryBuilder<any, any, Part>) {
  const { selectFrom } = expressionBuilder<Database>();
  const marked = selectFrom(parts.as('part'))
    .selectAll()
    .select(({ ref }) => {
      const before = sql`over (partition by ${ref('id')} order by ${ref('from_slot')})`;
      return [
        cast(
          'INTEGER',
          sql`case when lag(${ref('cause')}) ${before} = ${ref('cause')} and lag(${ref('to_slot')}) ${before} = ${ref('from_slot')} then 0 else 1 end`,
        ).as('begins'),
      ];
    });
  return selectFrom(marked.as('part'))
    .select(['id', 'from_slot', 'to_slot', 'cause', 'evidence'])
    .select(({ ref }) => [
      cast('BIGINT', sql`sum(${ref('begins')}) over (partition by ${ref('id')} order by ${ref('from_slot')})`).as(
        'number',
      ),
    ]);
}

/** Each stretch as one, with the evidence of its first part. */
// biome-ignore lint/suspicious/noExplicitAny: of any query
export const joinStretches = (numbered: SelectQueryBuilder<any, any, Part & { number: bigint }>) =>
  expressionBuilder<Database>()
    .selectFrom(numbered.as('part'))
    .groupBy(['id', 'number', 'cause'])
    .select(({ ref }) => [
      'id',
      'number',
      cast('BIGINT', sql`min(${ref('from_slot')})`).as('from_slot'),
      cast('BIGINT', sql`max(${ref('to_slot')})`).as('to_slot'),
      'cause',
      cast('VARCHAR', sql`arg_min(${ref('evidence')}, ${ref('from_slot')})`).as('evidence'),
    ]);
