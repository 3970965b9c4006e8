import { sql } from 'kysely';
import type { Reader } from '../engine/for-commands.ts';
import { cast } from '../engine/index.ts';
import type { Database } from '../models/schema.ts';
import { loadCommand, type Series } from './series.ts';
import { count, countWhere } from './sql.ts';

/** A listing of so many symbols was not narrowed by `--symbols`: a name that it lacks is not in the archive. */
const wholeMarket = 30;

export interface LoadHint {
  /** The archive lists the symbol, so its name is no slip. */
  readonly isListed: boolean;
  readonly text: string;
}

/** What to do about a series without bars: `--fetch` is named only where the archive may have some of it. */
export async function howToLoad({ db, rows }: Reader<Database>, wanted: Series): Promise<LoadHint> {
  const { instrumentType, symbol, timeframe, start, end } = wanted;
  const load = `add --fetch, or load it: ${loadCommand(wanted)}`;
  const [market] = await rows(
    db
      .selectFrom('archive_objects')
      .where('instrument_type', '=', instrumentType)
      .select(({ ref }) => [
        cast('BIGINT', sql`count(distinct ${ref('symbol')})`).as('symbols'),
        countWhere(sql`${ref('symbol')} = ${sql.lit(symbol)}`).as('own'),
      ]),
  );
  if (market === undefined || market.own === 0n) {
    if ((market?.symbols ?? 0n) < wholeMarket) return { isListed: false, text: load };
    const text = `the archive lists no ${symbol} of ${instrumentType}; see what it lists: pnpm pipeline show symbols`;
    return { isListed: false, text };
  }
  const [listed] = await rows(
    db
      .selectFrom('archive_objects as object')
      .leftJoin('staged_archives as staged', 'staged.key', 'object.key')
      .where('object.instrument_type', '=', instrumentType)
      .where('object.symbol', '=', symbol)
      .where('object.timeframe', '=', timeframe)
      .$if(start !== undefined, (objects) => objects.where('object.period_end', '>', start as Date))
      .$if(end !== undefined, (objects) => objects.where('object.period_start', '<', end as Date))
      .select(({ ref }) => [count().as('archives'), countWhere(sql`${ref('staged.key')} is null`).as('unasked')]),
  );
  if (listed === undefined || listed.archives === 0n || listed.unasked > 0n) return { isListed: true, text: load };
  const text = `all that the archive lists of it was asked for; see why it is not there: pnpm pipeline query rejected --instrument-type ${instrumentType}`;
  return { isListed: true, text };
}
