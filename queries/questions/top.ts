import { wholeNumber } from '../parameters/choice.ts';
import { day } from '../parameters/day.ts';
import { defineQuestion } from '../question.ts';

/** The largest contracts of a day by turnover. */
export const top = defineQuestion({
  name: 'top',
  description: 'The largest perpetual contracts of a day by turnover.',
  parameters: { date: day('volume_rankings'), limit: wholeNumber('--limit <n>', 'contracts to show', 20) },
  query: (db, { date, limit }) =>
    db
      .selectFrom('volume_rankings')
      .where('date', '=', date)
      .orderBy('rank')
      .orderBy('symbol')
      .limit(limit)
      .select([
        'date',
        'rank',
        'symbol',
        'quote_volume_usdt',
        'market_share_pct',
        'trade_count',
        'rank_change_1d',
        'rank_change_7d',
        'rank_change_30d',
        'days_available',
      ]),
  units: () => ({
    quote_volume_usdt: 'USDT',
    market_share_pct: 'percent of the ranked turnover',
    rank_change_1d: 'ranks, negative is up',
    rank_change_7d: 'ranks, negative is up',
    rank_change_30d: 'ranks, negative is up',
  }),
  examples: ['top 2025-06-17 --limit 100', 'top latest'],
});
