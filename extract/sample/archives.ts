import type { ArchiveKey } from '../../exchange/keys.ts';
import type { InstrumentType } from '../../exchange/vocabulary.ts';
import { dateOf, dayOf } from './calendar.ts';
import {
  absentMonth,
  duplicateRow,
  missingMinutes,
  monthWithoutDays,
  notInDollars,
  overlongMonth,
  unpaddedMonth,
} from './cases.ts';
import { listedDays } from './lifecycle.ts';
import type { Contract } from './universe.ts';

/** An archive that the publisher makes, and the days whose bars it holds, in the order of its rows. */
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

/** The archives of a contract for the days before `endDay`, in no order. */
export function archivesOf(contract: Contract, endDay: number): readonly Archive[] {
  const listed = Array.from(listedDays(contract, endDay), ({ day }) => ({ day, date: dateOf(day) }));
  const months = Map.groupBy(listed, ({ date }) => date.slice(0, 7));
  return [
    ...listed.flatMap(({ day, date }) => dailyArchives(contract, day, date)),
    ...[...months].flatMap(([month, days]) => monthlyArchives(contract, month, days)),
  ];
}
