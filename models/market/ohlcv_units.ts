import type { Expression } from 'kysely';
import { choose, partOf, times } from '../../engine/vocabulary/index.ts';
import { defineModel } from '../define.ts';

/** US dollars that a coin-margined contract is worth, unless the seed `contract_sizes` has its pair. */
const usualSize = 10;

/** Bars of all markets in the same units: of coin-margined ones the archive counts contracts and base asset (A4). */
export default defineModel('ohlcv_units', {
  query: ({ db }) =>
    db
      .selectFrom('ohlcv as bar')
      .leftJoin('contract_sizes as contract', (join) =>
        join
          .on('bar.instrument_type', '=', 'futures-cm')
          .on(({ eb, ref }) => eb('contract.pair', '=', partOf(ref('bar.symbol'), '_', 1))),
      )
      .select(({ eb, ref }) => {
        const isCm = eb('bar.instrument_type', '=', 'futures-cm');
        const size = eb.fn.coalesce('contract.contract_size', eb.lit(usualSize));
        const base = (amount: Expression<number>, ofCm: Expression<number>) => choose([[isCm, ofCm]], amount);
        const quote = (amount: Expression<number>, contracts: Expression<number>) =>
          choose([[isCm, times(contracts, size)]], amount);
        const [volume, turnover] = [ref('bar.volume'), ref('bar.quote_asset_volume')];
        const [takerVolume, takerTurnover] = [
          ref('bar.taker_buy_base_asset_volume'),
          ref('bar.taker_buy_quote_asset_volume'),
        ];
        return [
          'bar.symbol',
          'bar.timeframe',
          'bar.instrument_type',
          'bar.timestamp',
          'bar.open',
          'bar.high',
          'bar.low',
          'bar.close',
          base(volume, turnover).as('base_volume'),
          quote(turnover, volume).as('quote_volume'),
          'bar.number_of_trades',
          base(takerVolume, takerTurnover).as('taker_buy_base_volume'),
          quote(takerTurnover, takerVolume).as('taker_buy_quote_volume'),
        ];
      }),
});
