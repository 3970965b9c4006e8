import { formatUtc } from '../../engine/index.ts';
import { periodOf, type Series } from '../../exchange/keys.ts';
import { msOfDay } from '../../exchange/timeframes.ts';

/** A daily archive is listed within a day of its last bar, rarely later (A21). */
const mostBehind = 2 * msOfDay;

/** The newest day that a listing has an archive of. */
export interface NewestDay {
  /** Notes the newest period of a series; a monthly one says nothing, since it is weeks old as a rule. */
  note(series: Series, period: string | undefined): void;
  /** Says so where the listing ends earlier before the run's clock than the archive is ever behind. */
  behind(asOf: Date): { readonly newest: string; readonly message: string } | undefined;
}

export function createNewestDay(): NewestDay {
  let newest = '';
  return {
    note({ cadence }, period = '') {
      if (cadence === 'daily' && period > newest) newest = period;
    },
    behind(asOf) {
      const end = periodOf({ cadence: 'daily', period: newest })?.end;
      if (end === undefined || asOf.getTime() - end <= mostBehind) return undefined;
      const days = Math.floor((asOf.getTime() - end) / msOfDay);
      const ends = `the newest daily archive that is listed is of ${newest}`;
      const message = `the run's clock is ${formatUtc(asOf)}, and ${ends}, ${days} days behind: check --as-of and the archive`;
      return { newest, message };
    },
  };
}
