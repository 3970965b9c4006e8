import { describeWindow, formatDay } from '../../engine/index.ts';
import type { Canvas } from '../question.ts';
import { sparkline, squeeze } from './sparkline.ts';

interface TrendDay {
  readonly date: Date;
  readonly symbol: string;
}

interface Line<Day> {
  readonly label: string;
  readonly read: (day: Day) => number | null;
  /** Drawn with its small values on top, as ranks are. */
  readonly smallIsHigh?: true;
  readonly write: (value: number) => string;
}

const dayMs = 86_400_000;
const widest = 120;

/** A sparkline a figure over the same days, with its extremes and where it stands now. */
export function drawTrend<Day extends TrendDay>(
  days: readonly Day[],
  lines: readonly Line<Day>[],
  { width }: Canvas,
): readonly string[] {
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined) return ['no day in this range'];
  const labelWidth = Math.max(...lines.map(({ label }) => label.length)) + 2;
  const room = Math.max(10, Math.min(width - labelWidth, widest));
  const perCell = days.length <= room ? '' : `, about ${(days.length / room).toFixed(1)} days a cell`;
  return [
    `${first.symbol}  ${describeWindow({ start: first.date, end: new Date(last.date.getTime() + dayMs) })}${perCell}`,
    ...lines.flatMap((line) => ['', ...drawLine(days, line, labelWidth, room)]),
  ];
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
    `${' '.repeat(labelWidth)}last ${at(newest)}   highest ${at(best)}   lowest ${at(worst)}`,
  ];
}
