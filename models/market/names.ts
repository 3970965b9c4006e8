import { type Expression, expressionBuilder } from 'kysely';
import { PipelineError, type Vars } from '../../engine/index.ts';
import { choose, hasPattern, literal, replacePattern } from '../../engine/vocabulary/index.ts';

const eb = expressionBuilder<Record<never, never>>();

/** A settled copy may carry a number: `ICPUSDT_SETTLED1` (A27). */
const settledSuffix = '(_?SETTLED\\d*)+$';
const deliverySuffix = '_\\d{6}$';

/** The name without what says settled, delivery date or perpetual: `ICPUSDT_SETTLED` → `ICPUSDT`. */
export const pairOf = (symbol: Expression<string>) =>
  replacePattern(replacePattern(replacePattern(symbol, settledSuffix, ''), deliverySuffix, ''), '_PERP$', '');

export const contractType = (instrumentType: Expression<string>, symbol: Expression<string>) =>
  choose(
    [
      [eb(instrumentType, '=', 'spot'), 'spot'],
      [hasPattern(symbol, settledSuffix), 'settled'],
      [hasPattern(symbol, deliverySuffix), 'delivery'],
    ],
    'perpetual',
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
  const inDollars = choose([[eb(name, 'like', '_%USD'), 'USD']]);
  const exceptions = symbolExceptions(vars).map((pair) => [eb(name, '=', pair.name), literal(pair.quote)] as const);
  return choose<string | null>([[eb(instrumentType, '=', 'futures-cm'), inDollars], ...exceptions]);
}
