import { describeWindow, formatAmount } from '../../engine/for-commands.ts';
import { formatDay } from '../../engine/index.ts';
import { msOfDay } from '../../exchange/timeframes.ts';
import type { Canvas } from '../question.ts';

interface TrendDay {
  readonly date: Date;
  readonly symbol: string;
}

interface Line<Day> {
  readonly label: string;
  readonly read: (day: Day) => number | null;
  /** Draws small values at the top, for ranks. */
  readonly smallIsHigh?: true;
  readonly write: (value: number) => string;
}

/** A longer line is hard to follow. */
const widest = 200;

/** Draws a sparkline for each figure over the same days, with its extremes and its last value. */
function drawTrend<Day extends TrendDay>(
  days: readonly Day[],
  lines: readonly Line<Day>[],
  { width }: Canvas,
): readonly string[] {
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined) return ['no day in this range'];
  const labelWidth = Math.max(...lines.map(({ label }) => label.length)) + 2;
  const room = Math.max(10, Math.min(width - labelWidth, widest));
  const perCell = days.length <= room ? '' : `, about ${(days.length / room).toFixed(1)} days/cell`;
  return [
    `${first.symbol}  ${describeWindow({ start: first.date, end: new Date(last.date.getTime() + msOfDay) })}${perCell}`,
    ...lines.flatMap((line) => ['', ...drawLine(days, line, labelWidth, room)]),
    ...drawAxis(first.date, last.date, labelWidth, Math.min(days.length, room)),
  ];
}

/** Draws the first and the last day below the ends of the lines, if there is room for both. */
function drawAxis(first: Date, last: Date, labelWidth: number, width: number): readonly string[] {
  const [from, to] = [formatDay(first), formatDay(last)];
  if (width < from.length + to.length + 2) return [];
  return ['', ' '.repeat(labelWidth) + from + to.padStart(width - from.length)];
}

function drawLine<Day extends TrendDay>(
  days: readonly Day[],
  { label, read, smallIsHigh, write }: Line<Day>,
  labelWidth: number,
  room: number,
): readonly string[] {
  const points = days.flatMap((day) => {
    const value = read(day);
    return value === null ? [] : [{ date: day.date, value }];
  });
  const [newest] = points.slice(-1);
  if (newest === undefined) return [`${label.padEnd(labelWidth)}no figures`];
  const sign = smallIsHigh ? -1 : 1;
  const heights = days.map((day) => {
    const value = read(day);
    return value === null ? null : sign * value;
  });
  const best = points.reduce((a, b) => (sign * b.value > sign * a.value ? b : a));
  const worst = points.reduce((a, b) => (sign * b.value < sign * a.value ? b : a));
  const at = ({ date, value }: { date: Date; value: number }) => `${write(value)} on ${formatDay(date)}`;
  return [
    `${label.padEnd(labelWidth)}${sparkline(squeeze(heights, room))}`,
    ...fill([`last ${at(newest)}`, `highest ${at(best)}`, `lowest ${at(worst)}`], room).map(
      (text) => ' '.repeat(labelWidth) + text,
    ),
  ];
}

/** Joins parts to lines of at most this width. */
function fill(parts: readonly string[], width: number): readonly string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const wider = `${lines.at(-1)}   ${part}`;
    if (lines.length > 0 && wider.length <= width) lines.splice(-1, 1, wider);
    else lines.push(part);
  }
  return lines;
}

const levels = '▁▂▃▄▅▆▇█';

/** Returns the mean of each of `width` slices, or the values themselves if they fit; a slice without values is null. */
export function squeeze(values: readonly (number | null)[], width: number): readonly (number | null)[] {
  if (values.length <= width) return values;
  return Array.from({ length: width }, (_, at) => {
    const slice = values.slice(
      Math.floor((at * values.length) / width),
      Math.floor(((at + 1) * values.length) / width),
    );
    const present = slice.filter((value) => value !== null);
    return present.length === 0 ? null : present.reduce((sum, value) => sum + value, 0) / present.length;
  });
}

/** Returns one character per value, scaled from the smallest to the largest value; a gap is a blank. */
export function sparkline(values: readonly (number | null)[]): string {
  const present = values.filter((value) => value !== null);
  const low = Math.min(...present);
  const span = Math.max(...present) - low;
  const level = (value: number) => (span === 0 ? 3 : Math.round(((value - low) / span) * (levels.length - 1)));
  return values.map((value) => (value === null ? ' ' : levels[level(value)])).join('');
}

interface RankedDay {
  readonly date: Date;
  readonly symbol: string;
  readonly rank: number | null;
  readonly quote_volume_usdt: number | null;
}

/** Draws the rank, with the first at the top, above the turnover. */
export const drawRank = (days: readonly RankedDay[], canvas: Canvas): readonly string[] =>
  drawTrend(
    days,
    [
      { label: 'rank', read: ({ rank }) => rank, smallIsHigh: true, write: (value) => `#${value}` },
      { label: 'volume', read: (day) => day.quote_volume_usdt, write: (value) => `${formatAmount(value)} USDT` },
    ],
    canvas,
  );

interface VolumeDay {
  readonly date: Date;
  readonly symbol: string;
  readonly quote_volume_usdt: number | null;
  readonly mean_7d: number | null;
}

/** Draws the turnover of each day above its 7-day mean. */
export function drawVolume(days: readonly VolumeDay[], canvas: Canvas): readonly string[] {
  const write = (value: number) => `${formatAmount(value)} USDT`;
  return drawTrend(
    days,
    [
      { label: 'volume', read: (day) => day.quote_volume_usdt, write },
      { label: '7 days', read: (day) => day.mean_7d, write },
    ],
    canvas,
  );
}
