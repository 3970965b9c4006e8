import { type Expression, sql } from 'kysely';
import { cast, PipelineError, type Vars } from '../../engine/index.ts';

/** A settled copy may carry a number: `ICPUSDT_SETTLED1` (A27). */
const settledSuffix = '(_?SETTLED\\d*)+$';
const deliverySuffix = '_\\d{6}$';

/** The name without what says settled, delivery date or perpetual: `ICPUSDT_SETTLED` → `ICPUSDT`. */
export const pairOf = (symbol: Expression<string>) =>
  cast(
    'VARCHAR',
    sql`regexp_replace(regexp_replace(regexp_replace(${symbol}, ${sql.lit(settledSuffix)}, ''), ${sql.lit(deliverySuffix)}, ''), '_PERP$', '')`,
  );

export const contractType = (instrumentType: Expression<string>, symbol: Expression<string>) =>
  cast(
    'VARCHAR',
    sql`case
      when ${instrumentType} = 'spot' then 'spot'
      when regexp_matches(${symbol}, ${sql.lit(settledSuffix)}) then 'settled'
      when regexp_matches(${symbol}, ${sql.lit(deliverySuffix)}) then 'delivery'
      else 'perpetual'
    end`,
  );

/** A pair of which the longest known suffix is not the quote asset. */
export interface NamedPair {
  readonly name: string;
  readonly base: string;
  readonly quote: string;
}

/**
 * The entries of var `symbol_exceptions`.
 * @throws PipelineError VAR_INVALID for an entry that does not split its name in two, or that contradicts another
 */
export function symbolExceptions(vars: Vars): readonly NamedPair[] {
  const pairs = new Map<string, NamedPair>();
  for (const entry of vars.strings('symbol_exceptions')) {
    const [, name = '', base = '', quote = ''] = /^([^=/]+)=([^=/]+)\/([^=/]+)$/.exec(entry) ?? [];
    const invalid = (problem: string) =>
      new PipelineError('VAR_INVALID', `an entry of the var symbol_exceptions ${problem}`, {
        key: 'symbol_exceptions',
        value: entry,
        hint: 'write the name without a suffix, and how it divides: BTCAEUR=BTC/AEUR',
      });
    if (name === '' || name !== base + quote) throw invalid('does not divide its name into base and quote asset');
    const other = pairs.get(name);
    if (other !== undefined && other.quote !== quote) throw invalid(`contradicts ${name}=${other.base}/${other.quote}`);
    pairs.set(name, { name, base, quote });
  }
  return [...pairs.values()];
}

/**
 * The quote asset that a name states without any list of quote assets: USD for coin-margined contracts, and what
 * `symbol_exceptions` says of a name in the other markets; NULL where the longest known suffix decides (A27).
 */
export function statedQuote(instrumentType: Expression<string>, name: Expression<string>, vars: Vars) {
  const exceptions = symbolExceptions(vars).map(
    (pair) => sql`when ${name} = ${sql.lit(pair.name)} then ${sql.lit(pair.quote)}`,
  );
  return cast.nullable(
    'VARCHAR',
    sql`case when ${instrumentType} = 'futures-cm' then (case when ${name} like '_%USD' then 'USD' end)
      ${sql.join(exceptions, sql` `)} end`,
  );
}
