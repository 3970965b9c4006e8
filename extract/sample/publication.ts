import { type ArchiveKey, formatKey } from '../../exchange/keys.ts';
import { msOfDay, msOfHour } from '../../exchange/timeframes.ts';
import { dayOf, firstMondayAfter, msOfMinute, msOfSecond } from './calendar.ts';
import { lateDay, reissue, unpaddedMonth } from './cases.ts';
import { hash32 } from './random.ts';

const reissued = Date.parse(reissue.published);

/** A18: whether an archive is issued again, both cadences at once so that they never disagree. */
const isReissuedKey = ({ symbol, timeframe, period }: ArchiveKey): boolean =>
  symbol === reissue.symbol && timeframe === '1d' && (period === reissue.date || period === reissue.month);

/** A18: whether `asOf` (ms) comes before a correction that an archive gets. */
export const isFirstEdition = (key: ArchiveKey, asOf: number): boolean => asOf < reissued && isReissuedKey(key);

/**
 * When the edition of an archive that `asOf` sees is published, in ms, whole seconds: a daily one the next day between
 * 08:30 and 08:40, a monthly one from 09:00 on the first Monday of the next month.
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
