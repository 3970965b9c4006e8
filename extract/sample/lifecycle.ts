import { dayOf } from './calendar.ts';
import type { Contract, DateRange, Spell } from './universe.ts';

/** First day of a range and the day after its last one. */
export const daysOf = ({ from, to }: DateRange): readonly [first: number, end: number] => [
  dayOf(from),
  to === undefined ? Number.POSITIVE_INFINITY : dayOf(to),
];

/** The days before `endDay` for which the archive has a contract, ascending, with the spell they belong to. */
export function* listedDays(
  { spells, absent }: Contract,
  endDay: number,
): Generator<{ readonly day: number; readonly spell: Spell }> {
  const [away, back] = absent ? daysOf(absent) : [0, 0];
  for (const spell of spells) {
    const [first, end] = daysOf(spell);
    for (let day = first; day < Math.min(end, endDay); day++) if (day < away || day >= back) yield { day, spell };
  }
}
