import { type Expression, type Kysely, sql } from 'kysely';
import { cast } from '../../engine/index.ts';
import { defineDataTest } from '../../models/define.ts';
import type { Database } from '../../models/schema.ts';

const leastShare = 0.9;

const shareOfDays = (db: Kysely<Database>) =>
  db
    .selectFrom('volume_rankings')
    .select(({ ref }) => [
      cast.nullable('DOUBLE', near(ref('symbol'), ref('rank'), ref('date'))).as('value'),
      cast('DOUBLE', sql.lit(leastShare)).as('threshold'),
    ]);

const near = (symbol: Expression<string>, rank: Expression<number>, date: Expression<Date>) =>
  sql`count(*) filter (where ${symbol} = 'BTCUSDT' and ${rank} <= 5) / nullif(count(distinct ${date}), 0)`;

export default defineDataTest({
  description: 'BTCUSDT is in the top five on at least 90 % of days; a wrong universe or unit would show here.',
  failures: ({ db }) =>
    db
      .selectFrom(shareOfDays(db).as('found'))
      .where(({ ref }) => sql<boolean>`coalesce(${ref('found.value')} < ${ref('found.threshold')}, true)`)
      .selectAll(),
  measure: ({ db }) => shareOfDays(db),
});
