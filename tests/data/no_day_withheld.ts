import { sql } from 'kysely';
import { defineDataTest } from '../../models/define.ts';

export default defineDataTest({
  description: 'Every day with a volume is ranked; the newest may be waiting for files that are not published yet.',
  failures: ({ db }) =>
    db
      .with('ranked', (ranked) => ranked.selectFrom('volume_rankings').distinct().select('date'))
      .selectFrom('daily_availability as day')
      .where('day.quote_volume_usdt', 'is not', null)
      .where('day.date', 'not in', ({ selectFrom }) => selectFrom('ranked').select('ranked.date'))
      .where(
        ({ ref, selectFrom }) =>
          sql<boolean>`${ref('day.date')} >= (${selectFrom('ranked').select(({ fn }) => fn.min('date').as('first'))})`,
      )
      .groupBy('day.date')
      .select(({ fn }) => ['day.date', fn.countAll<bigint>().as('symbols_waiting')]),
});
