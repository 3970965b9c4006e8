import { defineQuestion } from '../question.ts';

/** Figures that a monthly and a daily archive publish differently (A12); of all markets. */
export const conflicts = defineQuestion({
  name: 'conflicts',
  description: 'Figures that a monthly and a daily archive publish differently; the daily ones count.',
  parameters: {},
  query: (db) =>
    db
      .selectFrom('conflicts')
      .orderBy('instrument_type')
      .orderBy('symbol')
      .orderBy('timeframe')
      .orderBy('timestamp')
      .orderBy('column_name')
      .select([
        'instrument_type',
        'symbol',
        'timeframe',
        'timestamp',
        'column_name',
        'monthly_value',
        'daily_value',
        'monthly_key',
        'daily_key',
      ]),
  market: () => 'all markets',
  examples: ['conflicts', 'conflicts --format json'],
});
