import { rowsDigest } from '../../engine/vocabulary/index.ts';
import { defineModel } from '../define.ts';
import { archivesAtHand, builtMonths } from './archives_at_hand.ts';
import { barOf, chosenBars } from './bars.ts';
import { rejectedArchives } from './rejects.ts';

/**
 * Every bar of the staged archives; where a daily and a monthly archive both have it, the daily one's (A12). Bars that
 * the exchange gave stand in for those that no archive has.
 */
export default defineModel('ohlcv', {
  inputs: ({ db }) =>
    db
      .selectFrom(archivesAtHand(db).as('archive'))
      .groupBy(['instrument_type', 'symbol', 'timeframe', 'month'])
      .select((eb) => [
        'instrument_type',
        'symbol',
        'timeframe',
        'month',
        rowsDigest(eb.ref('key'), eb.ref('sha256')).as('digest'),
      ]),

  query: ({ db }) =>
    db
      .selectFrom('staged_klines')
      .select(barOf)
      .unionAll(({ selectFrom }) => selectFrom(chosenBars(db).as('bar')).selectAll()),

  rejects: ({ db }) => rejectedArchives(db),

  published: ({ db }) => [
    db
      .updateTable('staged_archives')
      .set({ status: 'loaded' })
      .where('status', '=', 'staged')
      .where('key', 'in', ({ selectFrom }) =>
        selectFrom(archivesAtHand(db).as('archive'))
          .innerJoin(builtMonths(db).as('built'), (join) =>
            join
              .onRef('built.instrument_type', '=', 'archive.instrument_type')
              .onRef('built.symbol', '=', 'archive.symbol')
              .onRef('built.timeframe', '=', 'archive.timeframe')
              .onRef('built.month', '=', 'archive.month'),
          )
          .select('archive.key'),
      ),
  ],
});
