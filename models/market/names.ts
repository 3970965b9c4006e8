import { type Expression, expressionBuilder } from 'kysely';
import { choose, hasPattern, replacePattern } from '../../engine/vocabulary/index.ts';

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
