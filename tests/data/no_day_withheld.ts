import { count, min, neverNull } from '../../engine/vocabulary/index.ts';
import { defineDataTest } from '../../models/define.ts';

export default defineDataTest({
  description: 'Every day with a volume is ranked; the newest may be waiting for files that are not published yet.',
  failures: ({ db }) =>
    db
      .with('ranked', (ranked) => ranked.selectFrom('volume_rankings').distinct().select('date'))
      .selectFrom('daily_availability as day')
      .where('day.quote_volume_usdt', 'is not', null)
      .where('day.date', 'not in', ({ selectFrom }) => selectFrom('ranked').select('ranked.date'))
      .where('day.date', '>=', ({ selectFrom }) =>
        selectFrom('ranked').select(({ ref }) => neverNull(min(ref('ranked.date'))).as('first')),
      )
      .groupBy('day.date')
      .select(['day.date', count().as('symbols_waiting')]),
});
