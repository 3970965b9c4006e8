import { PipelineError } from '../errors.ts';
import type { Window } from '../extract.ts';
import { formatDay, msOfDay, parseInstant } from '../units.ts';

/** The bounds for a side that the user left open; no archive reaches them. */
export const openStart = new Date('1970-01-01T00:00:00Z');
export const openEnd = new Date('9999-12-31T00:00:00Z');

/**
 * Returns `--start` and `--end` as a half-open range of UTC days; undefined if neither is given.
 * An open side becomes `openStart` or `openEnd`. Throws USAGE for an impossible date, a time other than midnight UTC,
 * and an empty range.
 */
export function resolveWindow(options: { readonly start?: string; readonly end?: string }): Window | undefined {
  if (options.start === undefined && options.end === undefined) return undefined;
  const start = options.start === undefined ? openStart : parseDay('--start', options.start);
  const end = options.end === undefined ? openEnd : parseDay('--end', options.end);
  if (start < end) return { start, end };
  throw new PipelineError('USAGE', `the range from ${formatDay(start)} to ${formatDay(end)} is empty`, {
    key: options.end === undefined ? '--start' : '--end',
    value: (options.end ?? options.start) as string,
    hint: `--end is exclusive: the day ${formatDay(start)} alone ends at ${formatDay(new Date(start.getTime() + msOfDay))}`,
  });
}

function parseDay(key: string, value: string): Date {
  const instant = parseInstant(value);
  if (instant === undefined) {
    throw new PipelineError('USAGE', `${key} must be a UTC date, not \`${value}\``, {
      key,
      value,
      hint: 'write an existing day, such as 2025-06-17',
    });
  }
  if (instant.getTime() % msOfDay === 0) return instant;
  throw new PipelineError('USAGE', `${key} must be midnight UTC, not ${instant.toISOString()}`, {
    key,
    value,
    hint: `write ${formatDay(instant)}, or the day after`,
  });
}

/** `2025-06-17 … 2025-06-28, 12 days`, the last day included; an open side reads `from` or `to`. */
export function describeWindow({ start, end }: Window): string {
  const last = formatDay(new Date(end.getTime() - msOfDay));
  const isFromOpen = start.getTime() === openStart.getTime();
  const isToOpen = end.getTime() === openEnd.getTime();
  if (isFromOpen && isToOpen) return 'all days';
  if (isToOpen) return `from ${formatDay(start)}`;
  if (isFromOpen) return `to ${last}`;
  const days = (end.getTime() - start.getTime()) / msOfDay;
  return `${formatDay(start)} … ${last}, ${days} ${days === 1 ? 'day' : 'days'}`;
}
