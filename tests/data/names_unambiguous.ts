import type { Kysely } from 'kysely';
import type { Vars } from '../../engine/index.ts';
import {
  characters,
  charactersFrom,
  concat,
  contains,
  firstCharacters,
  holds,
  literal,
  neverNull,
  plus,
  texts,
  unnest,
  wholeNumbers,
} from '../../engine/vocabulary/index.ts';
import { defineDataTest } from '../../models/define.ts';
import { pairOf, symbolExceptions } from '../../models/market/names.ts';
import type { Database } from '../../models/schema.ts';

/** The quote assets that are known, those of the exceptions too, as a list in SQL. */
const quoteAssets = (vars: Vars) =>
  texts([...vars.strings('known_quote_assets'), ...symbolExceptions(vars).map(({ quote }) => quote)]);

/** All known assets: quote assets, and the base asset of every listed symbol. */
const assets = (db: Kysely<Database>, vars: Vars) =>
  db
    .selectFrom('symbols')
    .where('base_asset', 'is not', null)
    .select(({ ref }) => neverNull(ref('base_asset')).as('asset'))
    .union(db.selectNoFrom(() => unnest(quoteAssets(vars)).as('asset')));

/** Every way to split a name other than its symbol's own; a name among the exceptions has only one. */
const otherDivisions = (db: Kysely<Database>, vars: Vars) =>
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
    .$if(symbolExceptions(vars).length > 0, (divisions) =>
      divisions.where(
        'name',
        'not in',
        symbolExceptions(vars).map(({ name }) => name),
      ),
    )
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
    'No name can be split into two known assets in any way but at its longest suffix; var symbol_exceptions settles one that can.',
  failures: ({ db, vars }) =>
    db
      .with('assets', () => assets(db, vars))
      .with('others', () => otherDivisions(db, vars))
      .selectFrom('others')
      .innerJoin('assets as base', 'base.asset', 'others.base')
      .innerJoin('assets as quote', 'quote.asset', 'others.quote')
      // The longest known suffix may be too long (BN/BUSD), or too short where a quote asset is not known as one (BTCA/EUR).
      .where(({ or, ref }) => or([ref('others.has_longer_quote'), contains(quoteAssets(vars), ref('others.quote'))]))
      .select(({ ref }) => [
        'others.instrument_type',
        'others.symbol',
        'others.read_as',
        concat(ref('others.base'), '/', ref('others.quote')).as('could_be'),
      ]),
});
