import type { Kysely } from 'kysely';
import {
  characters,
  charactersFrom,
  concat,
  firstCharacters,
  holds,
  literal,
  neverNull,
  plus,
  unnest,
  wholeNumbers,
} from '../../engine/vocabulary/index.ts';
import { defineDataTest } from '../../models/define.ts';
import { pairOf } from '../../models/market/names.ts';
import type { Database } from '../../models/schema.ts';

/** The known quote assets, including those of the exceptions. */
const quoteAssets = (db: Kysely<Database>) =>
  db
    .selectFrom('known_quote_assets')
    .select('asset')
    .union(db.selectFrom('symbol_exceptions').select('quote_asset as asset'));

/** All known assets: quote assets, and the base asset of every listed symbol. */
const assets = (db: Kysely<Database>) =>
  db
    .selectFrom('symbols')
    .where('base_asset', 'is not', null)
    .select(({ ref }) => neverNull(ref('base_asset')).as('asset'))
    .union(quoteAssets(db));

/** Every way to split a name other than its symbol's own; a name among the exceptions has only one. */
const otherDivisions = (db: Kysely<Database>) =>
  db
    .selectFrom(({ selectFrom }) =>
      selectFrom('symbols')
        .where('instrument_type', '<>', 'futures-cm')
        .where('quote_asset', 'is not', null)
        .select(({ ref }) => {
          const name = pairOf(ref('symbol'));
          return [
            'instrument_type',
            'symbol',
            'base_asset',
            'quote_asset',
            name.as('name'),
            unnest(wholeNumbers(literal(1n), characters(name))).as('place'),
          ];
        })
        .as('division'),
    )
    .where('name', 'not in', ({ selectFrom }) => selectFrom('symbol_exceptions').select('name'))
    .where(({ eb, ref }) => eb(characters(ref('base_asset')), '<>', ref('place')))
    .select(({ eb, ref }) => [
      'instrument_type',
      'symbol',
      concat(ref('base_asset'), '/', ref('quote_asset')).as('read_as'),
      holds(eb('place', '<', neverNull(characters(ref('base_asset'))))).as('has_longer_quote'),
      firstCharacters(ref('name'), ref('place')).as('base'),
      charactersFrom(ref('name'), plus(ref('place'), 1n)).as('quote'),
    ]);

export default defineDataTest({
  description:
    'No name can be split into two known assets in any way but at its longest suffix; the seed symbol_exceptions settles one that can.',
  failures: ({ db }) =>
    db
      .with('assets', () => assets(db))
      .with('others', () => otherDivisions(db))
      .selectFrom('others')
      .innerJoin('assets as base', 'base.asset', 'others.base')
      .innerJoin('assets as quote', 'quote.asset', 'others.quote')
      // The longest known suffix may be too long (BN/BUSD), or too short where a quote asset is not known as one (BTCA/EUR).
      .where(({ eb, or }) => or([eb('others.has_longer_quote', '=', true), eb('others.quote', 'in', quoteAssets(db))]))
      .select(({ ref }) => [
        'others.instrument_type',
        'others.symbol',
        'others.read_as',
        concat(ref('others.base'), '/', ref('others.quote')).as('could_be'),
      ]),
});
