import { type ArchiveKey, formatKey } from '../../exchange/keys.ts';
import { msOfDay, msOfHour } from '../../exchange/timeframes.ts';
import type { InstrumentType } from '../../exchange/vocabulary.ts';
import {
  absentMonth,
  duplicateRow,
  lateDay,
  missingMinutes,
  monthWithoutDays,
  notInDollars,
  overlongMonth,
  reissue,
  unpaddedMonth,
} from './cases.ts';
import { dateOf, dayOf, firstMondayAfter, hash32, msOfMinute, msOfSecond } from './numbers.ts';
import type { Contract, DateRange, Spell } from './universe.ts';

/** An archive of the sample, and the days whose bars it contains, in the order of its rows. */
export interface Archive {
  readonly key: ArchiveKey;
  readonly days: readonly number[];
}

const isMonth = (at: { readonly symbol: string; readonly month: string }, symbol: string, month: string): boolean =>
  symbol === at.symbol && month === at.month;

const marketOf = ({ kind }: Contract): InstrumentType => (kind === 'spot' ? 'spot' : 'futures-um');

function dailyArchives(contract: Contract, day: number, date: string): readonly Archive[] {
  const { symbol, kind } = contract;
  const series = { instrument_type: marketOf(contract), cadence: 'daily', symbol, period: date } as const;
  const bars: Archive = { key: { ...series, timeframe: '1d' }, days: [day] };
  const isMissing = symbol === missingMinutes.symbol && date === missingMinutes.date;
  if (kind === 'spot' || symbol === notInDollars || isMissing) return [bars];
  return [bars, { key: { ...series, timeframe: '1m' }, days: [day] }];
}

function monthlyArchives(
  contract: Contract,
  month: string,
  listed: readonly { readonly day: number; readonly date: string }[],
): readonly Archive[] {
  const { symbol, kind } = contract;
  if (isMonth(absentMonth, symbol, month)) return [];
  const missing: readonly string[] = isMonth(monthWithoutDays, symbol, month) ? monthWithoutDays.dates : [];
  const hasDuplicate = isMonth(duplicateRow, symbol, month);
  const days = listed
    .filter(({ date }) => !missing.includes(date))
    .flatMap(({ day, date }) => (hasDuplicate && date === duplicateRow.date ? [day, day] : [day]));
  if (isMonth(overlongMonth, symbol, month)) days.push(dayOf(overlongMonth.date));
  const series = { instrument_type: marketOf(contract), cadence: 'monthly', symbol, timeframe: '1d' } as const;
  const archive: Archive = { key: { ...series, period: month }, days };
  if (kind === 'spot' || !isMonth(unpaddedMonth, symbol, month)) return [archive];
  return [archive, { key: { ...series, period: unpaddedMonth.period }, days }];
}

/** Returns the archives of a contract for the days before `endDay`, in no particular order. */
export function archivesOf(contract: Contract, endDay: number): readonly Archive[] {
  const listed = Array.from(listedDays(contract, endDay), ({ day }) => ({ day, date: dateOf(day) }));
  const months = Map.groupBy(listed, ({ date }) => date.slice(0, 7));
  return [
    ...listed.flatMap(({ day, date }) => dailyArchives(contract, day, date)),
    ...[...months].flatMap(([month, days]) => monthlyArchives(contract, month, days)),
  ];
}

/** Returns the first day of a range and the day after its last one. */
export const daysOf = ({ from, to }: DateRange): readonly [first: number, end: number] => [
  dayOf(from),
  to === undefined ? Number.POSITIVE_INFINITY : dayOf(to),
];

/** Yields the days before `endDay` for which the archive has a contract, in order, with the spell they belong to. */
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

const reissued = Date.parse(reissue.published);

/** True if an archive is issued again (A18), in both cadences at once so that they never disagree. */
const isReissuedKey = ({ symbol, timeframe, period }: ArchiveKey): boolean =>
  symbol === reissue.symbol && timeframe === '1d' && (period === reissue.date || period === reissue.month);

/** True if `asOf` (ms) is before the correction of an archive (A18). */
export const isFirstEdition = (key: ArchiveKey, asOf: number): boolean => asOf < reissued && isReissuedKey(key);

/**
 * Returns when the edition of an archive that exists at `asOf` was published, in ms, rounded to seconds: daily archives
 * the next day between 08:30 and 08:40, monthly ones from 09:00 on the first Monday of the next month.
 */
export function publicationOf(key: ArchiveKey, asOf: number): number {
  if (asOf >= reissued && isReissuedKey(key)) return reissued;
  const { cadence, symbol, period } = key;
  const delay = (seconds: number): number => (hash32(formatKey(key)) % seconds) * msOfSecond;
  if (cadence === 'daily') {
    if (symbol === lateDay.symbol && period === lateDay.date) return Date.parse(lateDay.published) + delay(60);
    return (dayOf(period) + 1) * msOfDay + 8 * msOfHour + 30 * msOfMinute + delay(600);
  }
  const month = period === unpaddedMonth.period ? unpaddedMonth.month : period;
  return firstMondayAfter(month) * msOfDay + 9 * msOfHour + delay(21_600);
}
