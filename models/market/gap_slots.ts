import { choose, match } from '../../engine/vocabulary/index.ts';
import { withCauses } from './causes.ts';
import type { withMissing } from './missing.ts';
import { joinStretches, numberStretches } from './stretches.ts';
import { withUnexplained } from './unexplained.ts';
import { withWitnesses } from './witnesses.ts';

/**
 * `gap_slots`: missing slots by cause. Where an archive was read and has no bar of a slot, the file is cut if any other
 * series has one in it (A30, B38); else the exchange was out, or the ticker was away.
 */
export const withGapSlots = (db: ReturnType<typeof withMissing>) =>
  withWitnesses(withUnexplained(withCauses(db))).with('gap_slots', (gaps) =>
    joinStretches(
      numberStretches(
        gaps
          .selectFrom('caused')
          .where('cause', '<>', 'no_bar')
          .select(({ ref }) => [
            'id',
            'from_slot',
            'to_slot',
            match(ref('cause'), [['delivered', 'not_trading']], ref('cause')).as('cause'),
            'evidence',
          ])
          .unionAll(({ selectFrom }) =>
            selectFrom('unexplained as part')
              .innerJoin('searched', (join) =>
                join
                  .onRef('searched.instrument_type', '=', 'part.instrument_type')
                  .onRef('searched.timeframe', '=', 'part.timeframe')
                  .onRef('searched.witness', '=', 'part.witness')
                  .onRef('searched.from_slot', '=', 'part.from_slot')
                  .onRef('searched.to_slot', '=', 'part.to_slot')
                  .on(({ eb, ref }) => eb('searched.anchor', 'is not distinct from', ref('part.anchor'))),
              )
              .innerJoin('found', 'found.id', 'searched.id')
              .select(({ eb, or, ref }) => [
                'part.id',
                'found.from_slot',
                'found.to_slot',
                choose(
                  [
                    [or([eb('found.cause', '=', 'bar'), ref('part.is_cut')]), 'archive_hole'],
                    [ref('part.is_away'), 'not_trading'],
                  ],
                  'exchange_outage',
                ).as('cause'),
                'part.evidence',
              ]),
          ),
      ),
    ),
  );
