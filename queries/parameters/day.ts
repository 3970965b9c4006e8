import { sql } from 'kysely';
import { describeWindow } from '../../engine/for-commands.ts';
import { cast, formatDay, PipelineError, parseInstant } from '../../engine/index.ts';
import { msOfDay } from '../../exchange/timeframes.ts';
import { countWhere, dayLiteral } from '../sql.ts';
import type { Parameter } from './parameter.ts';

/** Tables with a row a day and symbol. */
export type DailyTable = 'daily_availability' | 'volume_rankings';

export function instantOf(given: string | Date, key: string): Date {
  const instant = given instanceof Date ? given : parseInstant(given);
  if (instant !== undefined && !Number.isNaN(instant.getTime())) return instant;
  throw new PipelineError('USAGE', `${key} wants a UTC date, not \`${String(given)}\``, {
    key,
    value: String(given),
    hint: 'write a day of the calendar as 2025-06-17',
  });
}

export function wholeDay(given: string | Date, key: string): Date {
  const instant = instantOf(given, key);
  if (instant.getTime() % msOfDay === 0) return instant;
  throw new PipelineError('USAGE', `${key} wants a whole day, but ${instant.toISOString()} is within one`, {
    key,
    value: instant.toISOString(),
    hint: `write ${formatDay(instant)}, or the day after`,
  });
}

/** A day that a table has rows of; `latest` is its newest. Throws TABLE_MISSING for an empty table. */
export const day = (table: DailyTable): Parameter<string | Date, Date> => ({
  description: 'UTC day as 2025-06-17, or latest',
  async resolve(given, { key, reader }) {
    const asked = given === 'latest' ? undefined : wholeDay(given, key);
    const [found] = await reader.rows(
      reader.db
        .selectFrom(table)
        .select((eb) => [
          cast.nullable('DATE', sql`min(${eb.ref('date')})`).as('first'),
          cast.nullable('DATE', sql`max(${eb.ref('date')})`).as('last'),
          countWhere(asked === undefined ? sql`true` : sql`${eb.ref('date')} = ${dayLiteral(asked)}`).as('rows'),
        ]),
    );
    if (found?.first == null || found.last === null) throw emptyTable(table);
    if (found.rows > 0n) return asked ?? found.last;
    const days = describeWindow({ start: found.first, end: new Date(found.last.getTime() + msOfDay) });
    throw new PipelineError('USAGE', `${table} has no row of ${formatDay(asked ?? found.last)}`, {
      key,
      hint: `take a day of ${days}`,
    });
  },
});

export const emptyTable = (table: string) =>
  new PipelineError('TABLE_MISSING', `${table} is empty`, { hint: `build it: pnpm pipeline run --select +${table}` });
