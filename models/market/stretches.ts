import { expressionBuilder, type SelectQueryBuilder } from 'kysely';
import { choose, firstBy, lag, max, min, sum } from '../../engine/vocabulary/index.ts';
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
    .select(({ and, eb, ref }) => {
      const bySlot = { partitionBy: ref('id'), orderBy: ref('from_slot') };
      const goesOn = and([
        eb(lag(ref('cause')).over(bySlot), '=', ref('cause')),
        eb(lag(ref('to_slot')).over(bySlot), '=', ref('from_slot')),
      ]);
      return choose([[goesOn, 0n]], 1n).as('begins');
    });
  return selectFrom(marked.as('part'))
    .select(['id', 'from_slot', 'to_slot', 'cause', 'evidence'])
    .select(({ ref }) =>
      sum(ref('begins'))
        .over({ partitionBy: ref('id'), orderBy: ref('from_slot') })
        .as('number'),
    );
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
      min(ref('from_slot')).ofGroup().as('from_slot'),
      max(ref('to_slot')).ofGroup().as('to_slot'),
      'cause',
      firstBy(ref('evidence'), ref('from_slot')).ofGroup().as('evidence'),
    ]);
