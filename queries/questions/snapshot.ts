import { day } from '../parameters/day.ts';
import { defineQuestion } from '../question.ts';
import { traded } from '../sql.ts';

/** Which symbols had data on a day. */
export const snapshot = defineQuestion({
  name: 'snapshot',
  description: 'Symbols that are available on a day.',
  parameters: { date: day('daily_availability') },
  query: (db, { date }) =>
    db
      .selectFrom('daily_availability')
      .where('date', '=', date)
      .where('available', '=', true)
      .orderBy('symbol')
      .select((eb) => [
        'date',
        'symbol',
        traded(eb).as('traded'),
        'quote_volume_usdt',
        'trade_count',
        'close_price',
        'file_size_bytes',
        'last_modified',
      ]),
  units: () => ({ quote_volume_usdt: 'USDT at par', close_price: 'quote asset', file_size_bytes: 'bytes' }),
  examples: ['snapshot 2025-06-17', 'snapshot latest --format csv'],
});
