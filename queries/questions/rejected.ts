import { anyInstrumentType } from '../parameters/choice.ts';
import { defineQuestion } from '../question.ts';
import { count } from '../sql.ts';

const statuses = ['rejected', 'absent', 'failed'];

/** Archives that are in no table, and why. */
export const rejected = defineQuestion({
  name: 'rejected',
  description: 'Archives that were asked for and are in no table, and why.',
  parameters: { instrumentType: anyInstrumentType },
  query: (db, { instrumentType }) =>
    db
      .selectFrom('staged_archives')
      .where('status', 'in', statuses)
      .$if(instrumentType !== 'all', (found) => found.where('instrument_type', '=', instrumentType))
      .orderBy('status')
      .orderBy('key')
      .select(['status', 'symbol', 'timeframe', 'period_start', 'reason', 'key', 'staged_at']),
  market: ({ instrumentType }) => (instrumentType === 'all' ? 'all markets' : instrumentType),
  async check({ db, rows }, { instrumentType }) {
    if (instrumentType === 'all') return [];
    const others = await rows(
      db
        .selectFrom('staged_archives')
        .where('status', 'in', statuses)
        .where('instrument_type', '<>', instrumentType)
        .groupBy('instrument_type')
        .select(['instrument_type as market', count().as('archives')])
        .orderBy('market'),
    );
    return others.map(({ market, archives }) => `${archives} more of ${market}: --instrument-type ${market}`);
  },
  examples: ['rejected', 'rejected --instrument-type all --format json'],
});
