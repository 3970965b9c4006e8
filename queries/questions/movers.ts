import { sql } from 'kysely';
import { cast, formatDay, PipelineError } from '../../engine/index.ts';
import { msOfDay } from '../../exchange/timeframes.ts';
import { wholeNumber } from '../parameters/choice.ts';
import { day } from '../parameters/day.ts';
import { describeCovered } from '../parameters/range.ts';
import { defineQuestion } from '../question.ts';
import { changePercent, coveredDays } from '../sql.ts';

const daysBefore = (date: Date, days: number) => new Date(date.getTime() - days * msOfDay);

/** Contracts whose rank changed most since some calendar days before. */
export const movers = defineQuestion({
  name: 'movers',
  description: 'Contracts whose rank changed most since some days before.',
  parameters: {
    date: day('volume_rankings'),
    window: wholeNumber('--window <days>', 'calendar days to look back', 7),
    limit: wholeNumber('--limit <n>', 'contracts to show', 20),
  },
  query: (db, { date, window, limit }) =>
    db
      .selectFrom('volume_rankings as now')
      .innerJoin('volume_rankings as before', 'before.symbol', 'now.symbol')
      .where('now.date', '=', date)
      .where('before.date', '=', daysBefore(date, window))
      .orderBy((eb) => sql`abs(${eb.ref('now.rank')} - ${eb.ref('before.rank')})`, 'desc')
      .orderBy('now.rank')
      .orderBy('now.symbol')
      .limit(limit)
      .select((eb) => [
        'now.date',
        'now.symbol',
        'now.rank',
        'before.rank as rank_before',
        cast('INTEGER', sql`${eb.ref('now.rank')} - ${eb.ref('before.rank')}`).as('rank_change'),
        'now.quote_volume_usdt',
        'before.quote_volume_usdt as quote_volume_usdt_before',
        changePercent(eb.ref('now.quote_volume_usdt'), eb.ref('before.quote_volume_usdt')).as('volume_change_pct'),
      ]),
  async check({ db, rows }, { date, window }) {
    const before = daysBefore(date, window);
    const ranked = await rows(db.selectFrom('volume_rankings').where('date', '=', before).limit(1).select('date'));
    if (ranked.length > 0) return [`compared with ${formatDay(before)}`];
    const [covered] = await rows(coveredDays(db, 'volume_rankings'));
    throw new PipelineError('USAGE', `volume_rankings has no row of ${formatDay(before)}, ${window} days before`, {
      key: 'window',
      value: String(window),
      hint: `take another window or a later day: ${describeCovered(covered)}`,
    });
  },
  units: () => ({
    rank_change: 'ranks, negative is up',
    quote_volume_usdt: 'USDT',
    quote_volume_usdt_before: 'USDT',
    volume_change_pct: 'percent',
  }),
  examples: ['movers 2025-06-17', 'movers latest --window 30 --limit 10'],
});
