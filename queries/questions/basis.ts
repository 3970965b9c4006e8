import { type Expression, expressionBuilder } from 'kysely';
import type { Reader } from '../../engine/for-commands.ts';
import { countOf, PipelineError } from '../../engine/index.ts';
import {
  cast,
  count,
  decimal,
  divide,
  epochMilliseconds,
  literal,
  minus,
  nothing,
  nullIf,
  round,
  times,
} from '../../engine/vocabulary/index.ts';
import { msOfDay } from '../../exchange/timeframes.ts';
import { deliveryHour } from '../../exchange/vocabulary.ts';
import type { Database } from '../../models/schema.ts';
import { howToLoad, outsideOf } from '../check-series.ts';
import { futuresType, optionalTimeframe } from '../parameters/parameter.ts';
import { instantOptions } from '../parameters/range.ts';
import { anySymbol } from '../parameters/symbol.ts';
import { defineQuestion } from '../question.ts';
import { type Series, series } from '../series.ts';
import { changePercent } from '../sql.ts';

const parameters = { symbol: anySymbol, timeframe: optionalTimeframe, ...instantOptions, instrumentType: futuresType };

interface Asked extends Series {
  readonly instrumentType: 'futures-um' | 'futures-cm';
}

/** The two series that are compared, and when the contract is delivered. */
function sidesOf(asked: Asked) {
  const contract = contractOf(asked.symbol, asked.instrumentType);
  const futures: Series = { ...asked, symbol: contract.symbol };
  const spot: Series = { ...asked, instrumentType: 'spot', symbol: contract.spot };
  return { spot, futures, delivery: contract.delivery };
}

const daysOfAYear = 365;

/**
 * The premium of a future over spot, bar by bar, at the close; bars that only one side has are left out. For a delivery
 * contract also in percent per year: simple interest over 365 days, from the close to the delivery at 08:00 UTC.
 */
export const basis = defineQuestion({
  name: 'basis',
  description: 'Spot against futures: what a contract costs above spot, bar by bar.',
  parameters,
  query(db, asked) {
    const { spot, futures, delivery } = sidesOf(asked);
    return db
      .selectFrom(series(db, spot).select(['timestamp', 'close']).as('spot'))
      .innerJoin(series(db, futures).select(['timestamp', 'close', 'close_time']).as('future'), (join) =>
        join.onRef('future.timestamp', '=', 'spot.timestamp'),
      )
      .orderBy('spot.timestamp')
      .select(({ ref }) => {
        const [ofSpot, ofFuture] = [ref('spot.close'), ref('future.close')];
        // Decimals, because 0.3 - 0.2 would be 0.09999999999999998.
        const exact = (price: Expression<number>) => decimal(price, 38, 12);
        return [
          'spot.timestamp',
          'spot.close as spot_close',
          'future.close as futures_close',
          cast('DOUBLE', minus(exact(ofFuture), exact(ofSpot))).as('basis'),
          changePercent(ofFuture, ofSpot).as('basis_pct'),
          aYear(ofFuture, ofSpot, ref('future.close_time'), delivery).as('annualised_pct'),
        ];
      });
  },
  market: (asked) => {
    const { spot, futures } = sidesOf(asked);
    return `spot ${spot.symbol} against ${futures.instrumentType} ${futures.symbol}`;
  },
  async check(reader, asked) {
    const { spot, futures } = sidesOf(asked);
    for (const side of [spot, futures]) await expectBars(reader, side);
    const alone = await unmatched(reader, spot, futures);
    const outside = [...(await outsideOf(reader, spot)), ...(await outsideOf(reader, futures))];
    return alone === 0n
      ? outside
      : [
          ...outside,
          countOf(alone, 'bar that only one side has is left out', 'bars that only one side has are left out'),
        ];
  },
  series: (asked) => {
    const { spot, futures } = sidesOf(asked);
    return [spot, futures];
  },
  units: ({ instrumentType }) => {
    const price = instrumentType === 'futures-cm' ? 'USD of a future, USDT of spot' : 'quote asset';
    return {
      spot_close: price,
      futures_close: price,
      basis: price,
      basis_pct: 'percent of spot',
      annualised_pct: 'percent a year until delivery, NULL of a perpetual',
    };
  },
  examples: [
    'basis BTCUSDT',
    'basis ETHUSDT --timeframe 1h --start 2025-06-01 --end 2025-07-01',
    'basis BTCUSDT_260327 --fetch',
    'basis BTCUSD_PERP --instrument-type futures-cm',
  ],
});

function aYear(
  future: Expression<number>,
  spot: Expression<number>,
  closeTime: Expression<Date>,
  delivery: Date | undefined,
) {
  if (delivery === undefined) return nothing('DOUBLE');
  const left = minus(literal(BigInt(delivery.getTime())), epochMilliseconds(closeTime));
  const days = divide(left, BigInt(msOfDay));
  const premium = minus(divide(future, nullIf(spot, 0)), 1);
  const perYear = divide(times(times(premium, 100), daysOfAYear), days);
  return expressionBuilder<Database>().case().when(days, '>', 0).then(round(perYear, 4)).end();
}

/** @throws PipelineError USAGE where one side is not there, saying how to load it */
async function expectBars(reader: Reader<Database>, side: Series): Promise<void> {
  const whole = { ...side, start: undefined, end: undefined };
  const [bar] = await reader.rows(series(reader.db, whole).limit(1).select('timestamp'));
  if (bar !== undefined) return;
  const { instrumentType, symbol, timeframe } = side;
  throw new PipelineError(
    'USAGE',
    `basis needs both sides, and there are no ${timeframe} bars of ${symbol}, ${instrumentType}`,
    {
      key: instrumentType === 'spot' ? 'symbol' : 'instrument-type',
      value: symbol,
      hint: (await howToLoad(reader, side)).text,
    },
  );
}

async function unmatched(reader: Reader<Database>, spot: Series, futures: Series): Promise<bigint> {
  const { db } = reader;
  const [found] = await reader.rows(
    db
      .selectFrom(series(db, spot).select('timestamp').unionAll(series(db, futures).select('timestamp')).as('bar'))
      .groupBy('timestamp')
      .having(count(), '=', 1n)
      .select(() => count().over().as('bars'))
      .limit(1),
  );
  return found?.bars ?? 0n;
}

/** A futures contract and what it is compared with. */
export interface Contract {
  /** As the archive spells it. */
  readonly symbol: string;
  /** The same assets on the spot market. */
  readonly spot: string;
  /** When a contract with a date is settled; 08:00 UTC. */
  readonly delivery: Date | undefined;
}

/**
 * The contract that a symbol names: `BTCUSDT` and `BTCUSDT_260327` of futures-um are compared with spot BTCUSDT. A
 * coin-margined one is quoted in US dollars, for which spot has USDT: `BTCUSD_PERP` and `BTCUSD_260327` are compared
 * with BTCUSDT too. There, a symbol without a date is the perpetual: BTCUSDT and BTCUSD mean BTCUSD_PERP.
 */
function contractOf(name: string, instrumentType: 'futures-um' | 'futures-cm'): Contract {
  const [, pair = name, suffix] = /^(.+)_(PERP|\d{6})$/.exec(name) ?? [];
  const delivery = suffix === undefined || suffix === 'PERP' ? undefined : deliveryOf(suffix);
  if (instrumentType === 'futures-um') return { symbol: name, spot: pair, delivery };
  const inDollars = pair.replace(/USDT$/, 'USD');
  return { symbol: `${inDollars}_${suffix ?? 'PERP'}`, spot: inDollars.replace(/USD$/, 'USDT'), delivery };
}

/** Parses `260327`. */
function deliveryOf(day: string): Date {
  const [year, month, date] = [day.slice(0, 2), day.slice(2, 4), day.slice(4)].map(Number) as [number, number, number];
  return new Date(Date.UTC(2000 + year, month - 1, date, deliveryHour));
}
