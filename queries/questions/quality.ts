import type { Expression } from 'kysely';
import { count, epochMicroseconds, match, minus, neverNull } from '../../engine/vocabulary/index.ts';
import { longestSlot, timeframeNames } from '../../exchange/timeframes.ts';
import { anyInstrumentType } from '../parameters/parameter.ts';
import { defineQuestion } from '../question.ts';

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

const longestOf = (timeframe: Expression<string>) =>
  neverNull(
    match(
      timeframe,
      timeframeNames.map((name) => [name, BigInt(longestSlot(name)) * 1000n] as const),
    ),
  );

/** Bars that close before they open, or later than a bar of their timeframe can (A9); of all markets. */
export const irregular = defineQuestion({
  name: 'irregular',
  description: 'Bars whose published close time is far from them, before they open or more than a bar later.',
  parameters: {},
  query: (db) =>
    db
      .selectFrom('ohlcv')
      .where(({ between, not, ref }) => {
        const length = minus(epochMicroseconds(ref('close_time')), epochMicroseconds(ref('timestamp')));
        return not(between(length, 0n, longestOf(ref('timeframe'))));
      })
      .orderBy('instrument_type')
      .orderBy('symbol')
      .orderBy('timeframe')
      .orderBy('timestamp')
      .select(['instrument_type', 'symbol', 'timeframe', 'timestamp', 'close_time', 'volume', 'data_source']),
  market: () => 'all markets',
  examples: ['irregular', 'irregular --format json'],
});
