import { type Expression, sql } from 'kysely';
import { cast } from '../../engine/index.ts';

/** A published time: ms as 13 digits, µs as 16, decided row by row (A2). NULL where it is no number. */
export const instant = (text: Expression<unknown>) => {
  const value = sql`try_cast(${text} as BIGINT)`;
  return cast(
    'TIMESTAMP',
    sql`make_timestamp(case when abs(${value}) >= 1000000000000000 then ${value} else ${value} * 1000 end)`,
  );
};
