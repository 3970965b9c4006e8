import type { Expression } from 'kysely';
import { PipelineError, type Vars } from '../../engine/index.ts';
import { choose, literal, match, partOf, times } from '../../engine/vocabulary/index.ts';
import { defineModel } from '../define.ts';

/** US dollars that a coin-margined contract is worth, unless var `contract_sizes` names another size for its pair. */
const usualSize = 10;

function contractSize(symbol: Expression<string>, vars: Vars) {
  const sizes = vars.strings('contract_sizes').map((entry) => {
    const [, pair, size] = /^([^=]+)=(\d+(?:\.\d+)?)$/.exec(entry) ?? [];
    if (pair === undefined) {
      throw new PipelineError('VAR_INVALID', 'an entry of the var contract_sizes is no pair with its size', {
        key: 'contract_sizes',
        value: entry,
        hint: 'write BTCUSD=100',
      });
    }
    return [pair, literal(Number(size))] as const;
  });
  return match(partOf(symbol, '_', 1), sizes, usualSize);
}

/** Bars of all markets in the same units: of coin-margined ones the archive counts contracts and base asset (A4). */
export default defineModel('ohlcv_units', {
  query: ({ db, vars }) =>
    db.selectFrom('ohlcv').select(({ eb, ref }) => {
      const isCm = eb('instrument_type', '=', 'futures-cm');
      const base = (amount: Expression<number>, ofCm: Expression<number>) => choose([[isCm, ofCm]], amount);
      const quote = (amount: Expression<number>, contracts: Expression<number>) =>
        choose([[isCm, times(contracts, contractSize(ref('symbol'), vars))]], amount);
      return [
        'symbol',
        'timeframe',
        'instrument_type',
        'timestamp',
        'open',
        'high',
        'low',
        'close',
        base(ref('volume'), ref('quote_asset_volume')).as('base_volume'),
        quote(ref('quote_asset_volume'), ref('volume')).as('quote_volume'),
        'number_of_trades',
        base(ref('taker_buy_base_asset_volume'), ref('taker_buy_quote_asset_volume')).as('taker_buy_base_volume'),
        quote(ref('taker_buy_quote_asset_volume'), ref('taker_buy_base_asset_volume')).as('taker_buy_quote_volume'),
      ];
    }),
});
