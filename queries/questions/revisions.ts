import { defineQuestion } from '../question.ts';

/** Archives that were re-issued after their rows were staged (A18), the latest first; of all markets. */
export const revisions = defineQuestion({
  name: 'revisions',
  description: 'Archives that were published again with other bytes, and how many rows that changed.',
  parameters: {},
  query: (db) =>
    db
      .selectFrom('archive_revisions as revision')
      .leftJoin('archive_objects as object', 'object.key', 'revision.key')
      .orderBy('revision.revised_at', 'desc')
      .orderBy('revision.key')
      .orderBy('revision.revision')
      .select([
        'object.symbol',
        'object.timeframe',
        'object.period_start',
        'revision.rows_changed',
        'revision.rows_added',
        'revision.rows_removed',
        'revision.revised_at',
        'revision.key',
        'revision.revision',
        'revision.previous_etag',
        'revision.etag',
        'revision.previous_sha256',
        'revision.sha256',
      ]),
  market: () => 'all markets',
  examples: ['revisions', 'revisions --format json'],
});
