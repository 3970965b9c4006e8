import { defineQuestion } from '../question.ts';

/** Archives that are in no table, and why; of all markets that were asked for. */
export const rejected = defineQuestion({
  name: 'rejected',
  description: 'Archives that were asked for and are in no table, and why.',
  parameters: {},
  query: (db) =>
    db
      .selectFrom('staged_archives as staged')
      .leftJoin('archive_objects as object', 'object.key', 'staged.key')
      .where('staged.status', 'in', ['rejected', 'absent', 'failed'])
      .orderBy('staged.status')
      .orderBy('staged.key')
      .select([
        'staged.status',
        'object.symbol',
        'object.timeframe',
        'object.period_start',
        'staged.reason',
        'staged.key',
        'staged.staged_at',
      ]),
  market: () => 'all markets',
  examples: ['rejected', 'rejected --format json'],
});
