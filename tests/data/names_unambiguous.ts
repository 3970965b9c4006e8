import { type Kysely, sql } from 'kysely';
import { cast, type Vars } from '../../engine/index.ts';
import { defineDataTest } from '../../models/define.ts';
import { pairOf, symbolExceptions } from '../../models/market/names.ts';
import type { Database } from '../../models/schema.ts';

/** The known quote assets, including those of the exceptions, as a list in SQL. */
const quoteAssets = (vars: Vars) => {
  const assets = [...vars.strings('known_quote_assets'), ...symbolExceptions(vars).map(({ quote }) => quote)];
  return sql`cast([${sql.join(assets.map((asset) => sql.lit(asset)))}] as VARCHAR[])`;
};

/** All known assets: quote assets, and the base asset of every listed symbol. */
const assets = (db: Kysely<Database>, vars: Vars) =>
  db
    .selectFrom('symbols')
    .where('base_asset', 'is not', null)
    .select(({ ref }) => [cast('VARCHAR', ref('base_asset')).as('asset')])
    .union(db.selectNoFrom(() => [cast('VARCHAR', sql`unnest(${quoteAssets(vars)})`).as('asset')]));

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
            cast('BIGINT', sql`unnest(range(1, length(${name})))`).as('place'),
          ];
        })
        .as('division'),
    )
    .$if(symbolExceptions(vars).length > 0, (divisions) =>
      divisions.where(
        'name',
        'not in',
        symbolExceptions(vars).map(({ name }) => sql.lit(name)),
      ),
    )
    .whereRef(({ ref }) => cast('BIGINT', sql`length(${ref('base_asset')})`), '<>', 'place')
    .select(({ ref }) => [
      'instrument_type',
      'symbol',
      cast('VARCHAR', sql`${ref('base_asset')} || '/' || ${ref('quote_asset')}`).as('read_as'),
      cast('BOOLEAN', sql`${ref('place')} < length(${ref('base_asset')})`).as('has_longer_quote'),
      cast('VARCHAR', sql`left(${ref('name')}, ${ref('place')})`).as('base'),
      cast('VARCHAR', sql`substr(${ref('name')}, ${ref('place')} + 1)`).as('quote'),
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
      // The longest known suffix may be too long (BN/BUSD), or too short if the quote asset is not known as one
      // (BTCA/EUR).
      .where(
        ({ ref }) =>
          sql<boolean>`(${ref('others.has_longer_quote')} or list_contains(${quoteAssets(vars)}, ${ref('others.quote')}))`,
      )
      .select(({ ref }) => [
        'others.instrument_type',
        'others.symbol',
        'others.read_as',
        cast('VARCHAR', sql`${ref('others.base')} || '/' || ${ref('others.quote')}`).as('could_be'),
      ]),
});
