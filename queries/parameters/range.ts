import { describeWindow } from '../../engine/for-commands.ts';
import { formatDay, formatUtc, PipelineError, parseInstant } from '../../engine/index.ts';
import { count, countWhere, dateLiteral, max, min } from '../../engine/vocabulary/index.ts';
import { msOfDay } from '../../exchange/timeframes.ts';
import type { Parameter, PlainParameter } from './parameter.ts';

type Read = (given: string | Date, key: string) => Date;

const side = (description: string): Parameter<string | Date, Date> => ({
  description,
  resolve: (given, { key }) => wholeDay(given, key),
});

/** The first day and the day after the last one: June is 2025-06-01 to 2025-07-01 (B9). */
export const days = { start: side('first UTC day'), end: side('the UTC day after the last one') };

const openSide = (
  flags: string,
  description: string,
  read: Read,
): PlainParameter<string | Date | undefined, Date | undefined> => ({
  flags,
  description,
  resolve: (given, { key }) => (given === undefined ? undefined : read(given, key)),
});

/** The same as options; an open side has no limit. */
export const dayOptions = {
  start: openSide('--start <date>', 'first UTC day', wholeDay),
  end: openSide('--end <date>', 'the UTC day after the last one', wholeDay),
};

/** Days or instants. */
export const instantOptions = {
  start: openSide('--start <time>', 'first open time, UTC: 2025-06-17 or 2025-06-17T12:00', instantOf),
  end: openSide('--end <time>', 'open time at which the range ends, exclusive', instantOf),
};

interface Range {
  readonly start?: Date | undefined;
  readonly end?: Date | undefined;
}

/** @throws PipelineError USAGE for an empty range */
export function checkRange({ start, end }: Range): void {
  if (start === undefined || end === undefined || start < end) return;
  throw new PipelineError('USAGE', `the range from ${formatDay(start)} to ${formatDay(end)} is empty`, {
    key: 'end',
    value: formatDay(end),
    hint: `the end is exclusive: the day ${formatDay(start)} alone ends at ${formatDay(new Date(start.getTime() + msOfDay))}`,
  });
}

/** The first and the last day of a record; NULL if it is empty. */
export interface Covered {
  readonly first: Date | null;
  readonly last: Date | null;
}

/** `the record covers 2025-06-17 … 2025-06-28, 12 days`. */
export function describeCovered({ first, last }: Covered = { first: null, last: null }): string {
  if (first === null || last === null) return 'the record is empty';
  return describeRecord({ first, end: new Date(last.getTime() + msOfDay) });
}

const describeRecord = ({ first, end }: Span): string => `the record covers ${describeRange({ start: first, end })}`;

/** The span that a record covers. */
export interface Span {
  readonly first: Date;
  /** Exclusive. */
  readonly end: Date;
}

/** Returns a note about what a record covers if a range reaches beyond it. */
export function noteOutside({ start, end }: Range, record: Span): readonly string[] {
  const isOutside = (start !== undefined && start >= record.end) || (end !== undefined && end <= record.first);
  if (isOutside) return [`${describeRecord(record)}: none of this range`];
  const isBeyond = (start !== undefined && start < record.first) || (end !== undefined && end > record.end);
  return isBeyond ? [`${describeRecord(record)}: not all of this range`] : [];
}

/** `2025-06-17 … 2025-06-28, 12 days`; with times if a side is not midnight; undefined if both sides are open. */
export function describeRange({ start, end }: Range): string | undefined {
  const isDay = (instant: Date | undefined) => instant === undefined || instant.getTime() % msOfDay === 0;
  const write = (instant: Date) => (isDay(instant) ? formatDay(instant) : formatUtc(instant));
  if (start === undefined && end === undefined) return undefined;
  if (end === undefined) return `from ${write(start as Date)}`;
  if (start === undefined) return `before ${write(end)}`;
  return isDay(start) && isDay(end) ? describeWindow({ start, end }) : `${write(start)} … before ${write(end)}`;
}

/** Tables with a row for each day and symbol. */
export type DailyTable = 'daily_availability' | 'volume_rankings';

function instantOf(given: string | Date, key: string): Date {
  const instant = given instanceof Date ? given : parseInstant(given);
  if (instant !== undefined && !Number.isNaN(instant.getTime())) return instant;
  throw new PipelineError('USAGE', `${key} must be a UTC date, not \`${String(given)}\``, {
    key,
    value: String(given),
    hint: 'write an existing day, such as 2025-06-17',
  });
}

function wholeDay(given: string | Date, key: string): Date {
  const instant = instantOf(given, key);
  if (instant.getTime() % msOfDay === 0) return instant;
  throw new PipelineError('USAGE', `${key} must be midnight UTC, not ${instant.toISOString()}`, {
    key,
    value: instant.toISOString(),
    hint: `write ${formatDay(instant)}, or the day after`,
  });
}

/** A day for which a table has rows; `latest` is its newest. Throws TABLE_MISSING for an empty table. */
export const day = (table: DailyTable): Parameter<string | Date, Date> => ({
  description: 'UTC day, such as 2025-06-17, or latest',
  async resolve(given, { key, reader }) {
    const asked = given === 'latest' ? undefined : wholeDay(given, key);
    const [found] = await reader.rows(
      reader.db
        .selectFrom(table)
        .select((eb) => [
          min(eb.ref('date')).as('first'),
          max(eb.ref('date')).as('last'),
          (asked === undefined ? count() : countWhere(eb('date', '=', dateLiteral(asked)))).as('rows'),
        ]),
    );
    if (found?.first == null || found.last === null) throw emptyTable(table);
    if (found.rows > 0n) return asked ?? found.last;
    const days = describeWindow({ start: found.first, end: new Date(found.last.getTime() + msOfDay) });
    throw new PipelineError('USAGE', `${table} has no rows for ${formatDay(asked ?? found.last)}`, {
      key,
      hint: `choose a day of ${days}`,
    });
  },
});

export const emptyTable = (table: string) =>
  new PipelineError('TABLE_MISSING', `${table} is empty`, { hint: `build it: pnpm pipeline run --select +${table}` });
