import type { Reader } from '../../engine/for-commands.ts';
import { closest, PipelineError } from '../../engine/index.ts';
import { holds } from '../../engine/vocabulary/index.ts';
import type { Database } from '../../models/schema.ts';
import type { Parameter, PlainParameter } from './parameter.ts';
import { type DailyTable, emptyTable } from './range.ts';

const description = 'symbol in any case, also as BTC/USDT';

/** Returns the archive's spelling: `btc/usdt` is `BTCUSDT`. */
const spelled = (symbol: string): string => symbol.replaceAll('/', '').toUpperCase();

/** A symbol for which a table has rows. Throws USAGE with the nearest name, TABLE_MISSING for an empty table. */
export const symbol = (table: DailyTable): Parameter<string, string> => ({
  description,
  async resolve(given, { key, reader }) {
    const name = spelled(given);
    const known = (await reader.rows(reader.db.selectFrom(table).distinct().select('symbol'))).map((row) => row.symbol);
    if (known.includes(name)) return name;
    if (known.length === 0) throw emptyTable(table);
    if (table === 'volume_rankings') await refuseUnranked(reader, name, { key, value: given });
    throw new PipelineError('USAGE', `${table} has no symbol ${name}`, {
      key,
      value: given,
      hint: closest(name, known) ?? 'see the symbols of a day: pnpm pipeline query snapshot latest',
    });
  },
});

/** @throws PipelineError USAGE for a symbol that exists but is never ranked, with the reason */
async function refuseUnranked(
  { db, rows, standIn }: Reader<Database>,
  name: string,
  details: { readonly key: string; readonly value: string },
): Promise<void> {
  if (standIn !== undefined) return; // the exports do not contain the table of symbols
  const [found] = await rows(
    db
      .selectFrom('symbols')
      .where('instrument_type', '=', 'futures-um')
      .where('symbol', '=', name)
      .select((eb) => {
        const ranked = eb
          .selectFrom('symbols as other')
          .innerJoin('volume_rankings', 'volume_rankings.symbol', 'other.symbol')
          .where('other.instrument_type', '=', 'futures-um')
          .select('other.quote_asset');
        return ['contract_type', 'quote_asset', holds(eb('quote_asset', 'in', ranked)).as('quote_is_ranked')];
      }),
  );
  if (found === undefined) return;
  const { contract_type, quote_asset, quote_is_ranked } = found;
  const why =
    contract_type === 'settled'
      ? 'it is a settled copy'
      : contract_type !== 'perpetual'
        ? `it is a ${contract_type} contract`
        : quote_asset === null
          ? 'its quote asset is not known'
          : quote_is_ranked
            ? 'it has no trades on a ranked day'
            : `it is quoted in ${quote_asset}`;
  throw new PipelineError('USAGE', `${name} exists, but is not ranked: ${why}`, {
    ...details,
    hint: `only perpetual contracts quoted in the assets of the var ranking_quote_assets are ranked; for its turnover: pnpm pipeline query volume ${name}`,
  });
}

/** A symbol in the archive's spelling; the question checks whether it exists. */
export const anySymbol: PlainParameter<string, string> = { description, resolve: spelled };

/** The same as an option; all symbols by default. */
export const symbolOption: PlainParameter<string | undefined, string | undefined> = {
  flags: '--symbol <name>',
  description: `${description} (default: all)`,
  resolve: (given) => (given === undefined ? undefined : spelled(given)),
};
