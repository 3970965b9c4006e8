import { count, daysBetween, lag, neverNull } from '../../engine/vocabulary/index.ts';
import { daysOfASpell } from '../../exchange/vocabulary.ts';
import type { withListings } from './listings.ts';

/**
 * `absences`: the days between two spells of a ticker, by its daily archives. Only days on which others of its market
 * are listed count: where nothing is, the archive is missing and not the ticker.
 */
export const withAbsences = (db: ReturnType<typeof withListings>) =>
  db
    .with('market_days', (days) =>
      days
        .selectFrom('archive_objects')
        .where('cadence', '=', 'daily')
        .distinct()
        .select(['instrument_type', 'period_start as day']),
    )
    .with('spell_days', (days) =>
      days
        .selectFrom('archive_objects as object')
        .innerJoin('symbols', (join) =>
          join
            .onRef('symbols.instrument_type', '=', 'object.instrument_type')
            .onRef('symbols.symbol', '=', 'object.symbol')
            .on('symbols.spells', '>', 1),
        )
        .where('object.cadence', '=', 'daily')
        .distinct()
        .select(['object.instrument_type', 'object.symbol', 'object.period_start', 'object.period_end']),
    )
    .with('spell_holes', (holes) =>
      holes.selectFrom('spell_days').select((eb) => [
        'instrument_type',
        'symbol',
        lag(eb.ref('period_end'))
          .over({ partitionBy: [eb.ref('instrument_type'), eb.ref('symbol')], orderBy: eb.ref('period_start') })
          .as('away_from'),
        'period_start as away_until',
      ]),
    )
    .with('absences', (absences) =>
      absences
        .selectFrom('spell_holes as hole')
        .innerJoin('market_days', (join) =>
          join
            .onRef('market_days.instrument_type', '=', 'hole.instrument_type')
            .onRef('market_days.day', '>=', 'hole.away_from')
            .onRef('market_days.day', '<', 'hole.away_until'),
        )
        .where(({ eb, ref }) =>
          eb(daysBetween(ref('hole.away_from'), ref('hole.away_until')), '>', BigInt(daysOfASpell)),
        )
        .groupBy(['hole.instrument_type', 'hole.symbol', 'hole.away_from', 'hole.away_until'])
        .having(count(), '>', BigInt(daysOfASpell))
        .select((eb) => [
          'hole.instrument_type',
          'hole.symbol',
          neverNull(eb.ref('hole.away_from')).as('away_from'),
          'hole.away_until',
        ]),
    );
