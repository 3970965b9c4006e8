import { styleText } from 'node:util';
import { describeWindow } from '../../engine/for-commands.ts';
import { formatDay } from '../../engine/index.ts';
import { msOfDay } from '../../exchange/timeframes.ts';
import type { Canvas } from '../question.ts';

interface CalendarDay {
  readonly date: Date;
  readonly symbol: string;
  readonly available: boolean;
  readonly traded: boolean;
}

/** Each kind of day has its own shape, so that it is visible without colours. */
const marks = {
  traded: { glyph: '█', style: 'green', meaning: 'traded' },
  flat: { glyph: '▒', style: 'yellow', meaning: 'listed, no trade' },
  absent: { glyph: '·', style: 'red', meaning: 'not listed' },
} as const;

type Mark = keyof typeof marks;

const markOf = ({ available, traded }: CalendarDay): Mark => (traded ? 'traded' : available ? 'flat' : 'absent');

const ruler = `         ${[1, 5, 10, 15, 20, 25, 30].map((day, at, all) => String(day).padEnd((all[at + 1] ?? 32) - day)).join('')}`;
const between = '   ';
/** A year fits on every terminal; more years are drawn in parallel columns if there is room. */
const monthsOfAColumn = 12;

/** Draws months as rows and days as cells; several years in columns, each read downwards. */
export function drawCalendar(days: readonly CalendarDay[], canvas: Canvas): readonly string[] {
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined) return ['no day in this range'];
  const counts = { traded: 0, flat: 0, absent: 0 };
  for (const day of days) counts[markOf(day)]++;
  const months = Map.groupBy(days, ({ date }) => formatDay(date).slice(0, 7));
  return [
    `${first.symbol}  ${describeWindow({ start: first.date, end: new Date(last.date.getTime() + msOfDay) })}`,
    '',
    ...inColumns(
      [...months].map(([month, cells]) => `${month}  ${drawMonth(cells, canvas)}`),
      canvas.width,
    ),
    '',
    Object.entries(marks)
      .map(([mark, { glyph, style, meaning }]) => `${paint(canvas, style, glyph)} ${meaning} ${counts[mark as Mark]}`)
      .join('   '),
  ];
}

function inColumns(months: readonly string[], width: number): readonly string[] {
  const fit = Math.max(1, Math.floor((width + between.length) / (ruler.length + between.length)));
  const columns = Math.min(fit, Math.ceil(months.length / monthsOfAColumn));
  const height = Math.ceil(months.length / columns);
  const line = (cells: readonly string[]) => cells.join(between).trimEnd();
  return [
    line(Array<string>(columns).fill(ruler)),
    ...Array.from({ length: height }, (_, row) => line(months.filter((_, at) => at % height === row))),
  ];
}

/** Draws a month with the width of 31 days. */
function drawMonth(days: readonly CalendarDay[], canvas: Canvas): string {
  const before = (days[0] as CalendarDay).date.getUTCDate() - 1;
  const cells = days.map((day) => marks[markOf(day)]).map(({ glyph, style }) => paint(canvas, style, glyph));
  return ' '.repeat(before) + cells.join('') + ' '.repeat(31 - before - days.length);
}

type Style = Parameters<typeof styleText>[0];

/** Colours a text if the terminal has colours. */
const paint = ({ color }: Canvas, style: Style, text: string): string =>
  color ? styleText(style, text, { validateStream: false }) : text;
