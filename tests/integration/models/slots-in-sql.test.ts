import fc from 'fast-check';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { compileSql, createCompiler } from '../../../engine/duckdb/kysely.ts';
import { cast } from '../../../engine/vocabulary/index.ts';
import { firstMicros, microsOf } from '../../../exchange/bar-rules.ts';
import { slotsOf } from '../../../exchange/slots.ts';
import { longestSlot, msOfDay, timeframeNames } from '../../../exchange/timeframes.ts';
import { instant, opensAt, slotFrom, slotOrDay, slotsOfDay, toSlot } from '../../../models/market/calendar.ts';
import { createWarehouse, texts } from '../../support/engine.ts';

interface Given {
  given: { timeframe: string; time: Date; first_bar: Date };
  published: { text: string };
}

const db = createCompiler<Given>();
const us = fc.integer({ min: 0, max: 1_000 * msOfDay * 1_000 }).map((past) => Date.parse('2017-08-17') * 1_000 + past);
const timestamp = (time: number) => `make_timestamp(${time})`;
const epoch = (text: string | null | undefined) => Date.parse(`${text?.slice(0, 19).replace(' ', 'T')}Z`);

/** The µs of a time as DuckDB prints it. */
function usOfText(text: string | null | undefined): number {
  const [, fraction = ''] = /\.(\d+)$/.exec(text ?? '') ?? [];
  return epoch(text) * 1_000 + Number(fraction.padEnd(6, '0'));
}

test('B18: SQL and TypeScript put a time into the same slot of every timeframe', async () => {
  await using warehouse = await createWarehouse({});
  const query = db.selectFrom('given').select(({ ref }) => {
    const [timeframe, time] = [ref('timeframe'), ref('time')];
    const first = slotOrDay(timeframe, ref('first_bar'));
    const slot = toSlot(timeframe, slotOrDay(timeframe, time), first);
    return [
      slot.as('slot'),
      opensAt(timeframe, slot, first).as('opens_at'),
      slotFrom(timeframe, time, first).as('from'),
      slotsOfDay(timeframe).as('of_day'),
    ];
  });
  const given = fc.record({
    timeframe: fc.constantFrom(...timeframeNames),
    firstBar: us,
    past: fc.nat(),
    edge: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(given, { minLength: 300, maxLength: 300 }), async (all) => {
      const cases = all.map(({ timeframe, firstBar, past, edge }) => {
        const slots = slotsOf(timeframe, firstBar, 1000);
        const time = firstBar + past * 1_000;
        // Times at the edges of slots show differences.
        return { timeframe, firstBar, slots, time: edge ? slots.opensAt(slots.slotOf(time) + 1) - (past % 2) : time };
      });
      const rows = cases.map((one) => `('${one.timeframe}', ${timestamp(one.time)}, ${timestamp(one.firstBar)})`);
      const found = await texts(
        warehouse,
        `WITH given(timeframe, "time", first_bar) AS (VALUES ${rows.join(', ')}) ${compileSql(query)}`,
      );
      for (const [at, { timeframe, slots, time }] of cases.entries()) {
        const [slot, opens, from, ofDay] = found[at] ?? [];
        const expected = slots.slotOf(time);
        expect([timeframe, Number(slot), usOfText(opens)]).toEqual([timeframe, expected, slots.opensAt(expected)]);
        expect(Number(from)).toBe(slots.slotOf(time - 1) + 1);
        expect(Number(ofDay)).toBe(Math.max(1, msOfDay / longestSlot(timeframe)));
      }
    }),
    { numRuns: 8 },
  );
});

test('A2: SQL and TypeScript take the same times to be µs', async () => {
  await using warehouse = await createWarehouse({});
  const query = db
    .selectFrom('published')
    .select(({ ref }) => cast('BIGINT', sql`epoch_us(${instant(ref('text'))})`).as('us'));
  const time = fc.oneof(fc.nat(4_102_444_800_000), us, fc.constantFrom(firstMicros - 1, firstMicros, firstMicros + 1));
  await fc.assert(
    fc.asyncProperty(fc.array(time, { minLength: 50, maxLength: 50 }), async (times) => {
      const rows = times.map((one) => `('${one}')`).join(', ');
      const found = await texts(warehouse, `WITH published(text) AS (VALUES ${rows}) ${compileSql(query)}`);
      expect(found.map(([one]) => Number(one))).toEqual(times.map(microsOf));
    }),
    { numRuns: 8 },
  );
});
