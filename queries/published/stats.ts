import { defineFiles, formatDay } from '../../engine/index.ts';
import { count, countDistinct, countWhere, max, min, sum } from '../../engine/vocabulary/index.ts';
import type { Database } from '../../models/schema.ts';

const dayOf = (date: Date | null | undefined): string | null => (date == null ? null : formatDay(date));

/** `stats.json`: what the version contains, in figures for a badge or a page. */
export default defineFiles<Database>({
  async *files({ reader, synthetic, asOf }) {
    const { db, rows } = reader;
    const [days] = await rows(
      db
        .selectFrom('daily_availability')
        .select((eb) => [
          min(eb.ref('date')).as('earliest'),
          max(eb.ref('date')).as('latest'),
          countDistinct(eb.ref('symbol')).as('symbols'),
          count().as('records'),
          countWhere(eb.ref('available')).as('available'),
          countWhere(eb.and([eb.ref('available'), eb('quote_volume_usdt', 'is not', null)])).as('with_volume'),
        ]),
    );
    const [ranked] = await rows(
      db.selectFrom('volume_rankings').select(({ ref }) => [count().as('rows'), max(ref('date')).as('latest')]),
    );
    const [bars] = await rows(db.selectFrom('ohlcv').select(() => count().as('rows')));
    const gaps = await rows(
      db
        .selectFrom('gaps')
        .select(({ ref }) => ['cause', count().as('ranges'), sum(ref('missing_bars')).as('missing_bars')])
        .groupBy('cause')
        .orderBy('cause'),
    );
    const available = Number(days?.available ?? 0);
    const stats = {
      as_of: asOf.toISOString(),
      synthetic,
      earliest: dayOf(days?.earliest),
      latest: dayOf(days?.latest),
      symbols: Number(days?.symbols ?? 0),
      records: Number(days?.records ?? 0),
      available,
      /** Share of the available days of a symbol that have a volume. */
      coverage: available === 0 ? null : Number((Number(days?.with_volume) / available).toFixed(6)),
      rankings: { rows: Number(ranked?.rows ?? 0), latest: dayOf(ranked?.latest) },
      bars: Number(bars?.rows ?? 0),
      gaps: Object.fromEntries(
        gaps.map(({ cause, ranges, missing_bars }) => [
          cause,
          { ranges: Number(ranges), missing_bars: Number(missing_bars) },
        ]),
      ),
    };
    yield ['stats.json', `${JSON.stringify(stats, null, 2)}\n`];
  },
});
