import { describeWindow, formatDay } from '../../engine/index.ts';
import type { Canvas } from '../question.ts';
import { paint } from './paint.ts';

interface CalendarDay {
  readonly date: Date;
  readonly symbol: string;
  readonly available: boolean;
  readonly traded: boolean;
}

const dayMs = 86_400_000;

/** Each kind of day by its shape, so that it shows without colours too. */
const marks = {
  traded: { glyph: '█', style: 'green', meaning: 'traded' },
  flat: { glyph: '▒', style: 'yellow', meaning: 'listed, no trade' },
  absent: { glyph: '·', style: 'red', meaning: 'not listed' },
} as const;

type Mark = keyof typeof marks;

const markOf = ({ available, traded }: CalendarDay): Mark => (traded ? 'traded' : available ? 'flat' : 'absent');

const ruler = `         ${[1, 5, 10, 15, 20, 25, 30].map((day, at, all) => String(day).padEnd((all[at + 1] ?? 32) - day)).join('')}`;

/** Months as rows, days as cells. */
export function drawCalendar(days: readonly CalendarDay[], canvas: Canvas): readonly string[] {
  const [first, last] = [days[0], days.at(-1)];
  if (first === undefined || last === undefined) return ['no day in this range'];
  const counts = { traded: 0, flat: 0, absent: 0 };
  for (const day of days) counts[markOf(day)]++;
  const months = Map.groupBy(days, ({ date }) => formatDay(date).slice(0, 7));
  return [
    `${first.symbol}  ${describeWindow({ start: first.date, end: new Date(last.date.getTime() + dayMs) })}`,
    '',
    ruler.trimEnd(),
    ...[...months].map(([month, cells]) => `${month}  ${drawMonth(cells, canvas)}`),
    '',
    Object.entries(marks)
      .map(([mark, { glyph, style, meaning }]) => `${paint(canvas, style, glyph)} ${meaning} ${counts[mark as Mark]}`)
      .join('   '),
  ];
}

function drawMonth(days: readonly CalendarDay[], canvas: Canvas): string {
  const before = ' '.repeat((days[0] as CalendarDay).date.getUTCDate() - 1);
  return (
    before +
    days
      .map((day) => marks[markOf(day)])
      .map(({ glyph, style }) => paint(canvas, style, glyph))
      .join('')
  );
}
