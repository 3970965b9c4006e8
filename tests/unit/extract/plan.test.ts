import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ListedObject } from '../../../extract/listing/series-state.ts';
import { type PlanInput, planSeries } from '../../../extract/plan/plan-series.ts';
import type { ArchiveStatus, LedgerEntry } from '../../../extract/staging/journal.ts';
import { dayMs, listedObject } from './support.ts';

const days = (first: string, last: string): string[] => {
  const found: string[] = [];
  for (let at = Date.parse(first); at <= Date.parse(last); at += dayMs)
    found.push(new Date(at).toISOString().slice(0, 10));
  return found;
};

const entry = (
  object: ListedObject,
  status: ArchiveStatus = 'staged',
  more: Partial<LedgerEntry> = {},
): LedgerEntry => ({
  ...{ key: object.key, etag: object.etag, status, staged_at: '', last_modified: '', size_bytes: 1 },
  ...more,
});

interface Series {
  monthly?: readonly ListedObject[];
  daily?: readonly ListedObject[];
  ledger?: readonly LedgerEntry[];
  window?: PlanInput['window'];
  asOfMonth?: string;
  asked?: ReadonlySet<string>;
  monthsUnknown?: boolean;
}

function plan({ monthly = [], daily = [], ledger = [], ...series }: Series) {
  const { window, asOfMonth = '2025-07', asked = new Set(), monthsUnknown = false } = series;
  const entries = new Map(ledger.map((it) => [it.key, it]));
  const known = (key: string) => entries.get(key);
  const planned = planSeries({ monthly, daily, monthsUnknown, window, asOfMonth, asked, known });
  return {
    settled: Object.fromEntries(
      Map.groupBy(planned.settled, ({ status }) => status)
        .entries()
        .map(([status, found]) => [status, found.length]),
    ),
    periods: planned.wanted.map(({ object }) => object.period),
    whys: planned.wanted.map(({ why }) => why),
    obsolete: planned.obsolete.map(({ period }) => period),
  };
}

const june = listedObject('2025-06');
const juneDays = days('2025-06-01', '2025-06-30').map((day) => listedObject(day));
const july = days('2025-07-01', '2025-07-09').map((day) => listedObject(day));
const all = { monthly: [june], daily: [...juneDays, ...july] };

describe('what is fetched', () => {
  test('is the monthly file of a closed month, and daily files after it', () => {
    expect(plan(all).periods).toEqual(['2025-06', ...july.map(({ period }) => period)]);
  });

  test('is daily files if the month is not closed at as-of, even if a monthly file is listed', () => {
    expect(plan({ ...all, daily: juneDays, asOfMonth: '2025-06' }).periods).toEqual(
      juneDays.map(({ period }) => period),
    );
  });

  test('is daily files if no monthly file is listed, and nothing for days with neither', () => {
    expect(plan({ daily: juneDays.slice(0, 3) }).periods).toEqual(['2025-06-01', '2025-06-02', '2025-06-03']);
    expect(plan({ monthly: [listedObject('2025-07')] }).periods).toEqual([]);
  });

  test('is what the window touches: whole monthly files, but only its own days', () => {
    const window = { start: '2025-06-30', end: '2025-07-03' };
    expect(plan({ ...all, window }).periods).toEqual(['2025-06', '2025-07-01', '2025-07-02']);
    expect(plan({ ...all, window: { start: '2025-07-01', end: '2025-07-02' } }).periods).toEqual(['2025-07-01']);
    expect(plan({ ...all, monthly: [], window }).periods).toEqual(['2025-06-30', '2025-07-01', '2025-07-02']);
  });

  test('is nothing that the ledger has with the same ETag', () => {
    const ledger = [entry(june), ...july.map((day) => entry(day))];
    expect(plan({ ...all, ledger })).toMatchObject({ periods: [], settled: { staged: 10 } });
  });

  test('A18: is what was re-issued, even a daily file next to a monthly one', () => {
    const ledger = [entry(june), entry(juneDays[3] as ListedObject), ...july.map((day) => entry(day))];
    const daily = all.daily.map((day) => (day.period === '2025-06-04' ? listedObject(day.period, 2) : day));
    expect(plan({ monthly: [june], daily, ledger })).toMatchObject({ periods: ['2025-06-04'], whys: ['reissued'] });
    expect(plan({ monthly: [listedObject('2025-06', 2)], daily: [], ledger })).toMatchObject({
      periods: ['2025-06'],
      whys: ['reissued'],
    });
  });

  test('A15: is the daily files of days that a staged monthly file lacks', () => {
    const ledger = [entry(june, 'staged', { incomplete_days: [3, 4, 29] })];
    const repair = plan({ monthly: [june], daily: juneDays.slice(0, 28), ledger });
    expect(repair).toMatchObject({ periods: ['2025-06-03', '2025-06-04'], whys: ['repair', 'repair'] });
    expect(plan({ ...all, ledger, window: { start: '2025-06-04', end: '2025-06-10' } }).periods).toEqual([
      '2025-06-04',
    ]);
  });

  test.each(['rejected', 'absent'] as const)('is the daily files of a month whose monthly file is %s', (status) => {
    const ledger = [entry(june, status)];
    const asked = new Set([june.key]);
    const { periods, whys, settled } = plan({ monthly: [june], daily: juneDays, ledger, asked });
    expect(periods).toEqual(juneDays.map(({ period }) => period));
    expect(new Set(whys)).toEqual(new Set(['repair']));
    expect(settled).toMatchObject({ [status]: 1 });
  });

  test('is a failed archive again in the next run; its failure makes no other archive wanted', () => {
    const ledger = [entry(june, 'failed')];
    expect(plan({ monthly: [june], daily: juneDays, ledger })).toMatchObject({ periods: ['2025-06'], whys: ['again'] });
    const asked = new Set([june.key]);
    expect(plan({ monthly: [june], daily: juneDays, ledger, asked })).toMatchObject({
      periods: [],
      settled: { failed: 1 },
    });
  });

  test('B23: is no daily file of a closed month if its monthly files could not be listed', () => {
    const months = [listedObject('2025-05')];
    const daily = [listedObject('2025-05-07'), ...all.daily];
    const unlisted = plan({ monthly: months, daily, monthsUnknown: true });
    expect(unlisted.periods).toEqual(['2025-05', ...july.map(({ period }) => period)]);
    expect(plan({ daily: juneDays, monthsUnknown: true, ledger: [entry(juneDays[3] as ListedObject)] })).toMatchObject({
      periods: [],
      settled: { staged: 1 },
    });
  });

  test('A15 A16: is no longer the daily files of a month whose archive has arrived; they make way', () => {
    const [first, second, third, fourth] = juneDays as [ListedObject, ListedObject, ListedObject, ListedObject];
    const repair = { repair: true } as const;
    const ledger = [
      entry(june, 'staged', { incomplete_days: [2] }),
      ...[first, second, third].map((day) => entry(day, 'staged', repair)),
      entry(fourth),
    ];
    const series = { monthly: [june], daily: juneDays, ledger };
    const window = { start: '2025-07-01', end: '2025-07-02' };
    // What the month lacks is still needed, and so is what was there before it.
    expect(plan(series)).toMatchObject({ periods: [], obsolete: ['2025-06-01', '2025-06-03'], settled: { staged: 3 } });
    expect(plan({ ...series, window })).toMatchObject({ periods: [], obsolete: [] });
    expect(plan({ ...series, ledger: [entry(june, 'absent'), ...ledger.slice(1)] }).obsolete).toEqual([]);
  });

  test('is the monthly file even if all its days are staged, so that history does not decide', () => {
    const ledger = juneDays.map((day) => entry(day));
    expect(plan({ monthly: [june], daily: juneDays, ledger })).toMatchObject({
      periods: ['2025-06'],
      settled: { staged: 30 },
    });
  });
});

describe('an answer', () => {
  const [day] = july as [ListedObject];
  const newer = listedObject(day.period, 2);

  test.each(['crc_mismatch: x', 'html: the file is a web page', 'checksum_mismatch: x', 'negative_value: x'])(
    'that rejected its bytes, `%s`, is not requested again until the ETag changes',
    (reason) => {
      const ledger = [entry(day, 'rejected', { reason })];
      expect(plan({ daily: [day], ledger })).toMatchObject({ periods: [], settled: { rejected: 1 } });
      expect(plan({ daily: [newer], ledger })).toMatchObject({ periods: [day.period], whys: ['new'] });
    },
  );

  test.each([
    ['absent', 'absent: it is listed, but not there (404)'],
    ['failed', 'archive_unreachable: x'],
    // In the words of earlier versions:
    ['rejected', 'md5_mismatch: the MD5 is x where y is listed'],
    ['rejected', 'size_mismatch: 3 bytes came where 4 are listed'],
    ['rejected', 'html: the host sent a web page of 300 bytes'],
    ['rejected', 'checksum_missing: there is no CHECKSUM file (404)'],
    ['rejected', 'checksum_malformed: the CHECKSUM file is no line of sha256sum'],
  ] as const)(
    'B23: does not count if the listed bytes never came, and every run asks again: %s, %s',
    (status, reason) => {
      expect(plan({ daily: [day], ledger: [entry(day, status, { reason })] }).whys).toEqual(['again']);
      const reissue = { etag: newer.etag, reason, status };
      expect(plan({ daily: [newer], ledger: [entry(day, 'staged', { reissue })] }).whys).toEqual(['reissued']);
    },
  );

  test('B23: does not count if the ETag is not an MD5 and nothing else vouches for the bytes', () => {
    const parts = { ...day, etag: `${'a'.repeat(32)}-2` };
    const reason = 'checksum_mismatch: the SHA-256 is x where the CHECKSUM file says y';
    expect(plan({ daily: [parts], ledger: [entry(parts, 'rejected', { reason })] }).whys).toEqual(['again']);
  });

  test('for a re-issue that could not be staged keeps the old version, and is requested again unless it was rejected', () => {
    const reissue = { etag: newer.etag, reason: 'crc_mismatch: x' };
    const rejected = entry(day, 'staged', { reissue: { ...reissue, status: 'rejected' } });
    expect(plan({ daily: [newer], ledger: [rejected] })).toMatchObject({ periods: [], settled: { rejected: 1 } });
    for (const status of ['failed', 'absent'] as const) {
      const ledger = [entry(day, 'staged', { reissue: { ...reissue, status } })];
      expect(plan({ daily: [newer], ledger })).toMatchObject({ periods: [day.period], whys: ['reissued'] });
      expect(plan({ daily: [newer], ledger, asked: new Set([day.key]) }).periods).toEqual([]);
    }
    expect(plan({ daily: [listedObject(day.period, 3)], ledger: [rejected] }).whys).toEqual(['reissued']);
  });
});

describe('properties', () => {
  const dates = days('2025-04-20', '2025-07-09');
  const periods = ['2025-04', '2025-05', '2025-06', ...dates];
  const world = fc.record({
    monthly: fc.subarray(['2025-04', '2025-05', '2025-06']).map((periods) => periods.map((it) => listedObject(it))),
    daily: fc.subarray(dates).map((periods) => periods.map((it) => listedObject(it))),
    /** The archive's answer for each object: its status, and the days that it lacks. */
    fate: fc.dictionary(fc.constantFrom(...periods), fc.constantFrom('rejected', 'absent', 'failed')),
    missing: fc.uniqueArray(fc.integer({ min: 1, max: 30 }), { maxLength: 3 }),
  });

  type World = typeof world extends fc.Arbitrary<infer T> ? T : never;

  /** Plans and fetches until nothing is wanted; returns the requested keys in order. */
  function run(
    { monthly, daily, fate, missing }: World,
    ledger: Map<string, LedgerEntry>,
    window?: PlanInput['window'],
  ): string[] {
    const asked = new Set<string>();
    for (let round = 0; ; round++) {
      expect(round).toBeLessThan(4);
      const input = { monthly, daily, monthsUnknown: false, window, asOfMonth: '2025-07', asked };
      const { wanted, obsolete } = planSeries({ ...input, known: (key) => ledger.get(key) });
      for (const { key } of obsolete) ledger.delete(key);
      if (wanted.length === 0) return [...asked];
      for (const { object, why } of wanted) {
        expect(asked.has(object.key), 'nothing is asked for twice').toBe(false);
        asked.add(object.key);
        const isMonthly = object.period.length === 7;
        const status = (fate[object.period] ?? 'staged') as ArchiveStatus;
        ledger.set(
          object.key,
          entry(object, status, {
            ...(status === 'staged' && isMonthly && { incomplete_days: missing }),
            ...(status === 'rejected' && { reason: 'crc_mismatch: x' }),
            ...(why === 'repair' && { repair: true }),
          }),
        );
      }
    }
  }

  const window = fc
    .tuple(fc.integer({ min: 0, max: dates.length - 1 }), fc.integer({ min: 1, max: 40 }))
    .map(([from, length]) => ({
      start: dates[from] as string,
      end: new Date(Date.parse(dates[from] as string) + length * dayMs).toISOString().slice(0, 10),
    }));

  test('B23: a second run requests what failed or was absent, and nothing else', () => {
    fc.assert(
      fc.property(world, fc.option(window, { nil: undefined }), (it, range) => {
        const ledger = new Map<string, LedgerEntry>();
        run(it, ledger, range);
        const open = [...ledger.values()].filter(({ status }) => status === 'failed' || status === 'absent');
        expect(new Set(run(it, ledger, range))).toEqual(new Set(open.map(({ key }) => key)));
      }),
    );
  });

  test('runs day after day, in any order, read what one run for all days reads, or more daily files', () => {
    fc.assert(
      fc.property(world, fc.shuffledSubarray(dates, { minLength: dates.length }), (it, order) => {
        const atOnce = new Map<string, LedgerEntry>();
        run(it, atOnce, { start: dates[0] as string, end: '2025-07-10' });
        const byDay = new Map<string, LedgerEntry>();
        for (const day of order) {
          run(it, byDay, { start: day, end: new Date(Date.parse(day) + dayMs).toISOString().slice(0, 10) });
        }
        expect([...byDay.keys()].sort()).toEqual([...atOnce.keys()].sort());
      }),
      { numRuns: 30 },
    );
  });

  test('after any outage, a healthy run ends with what an undisturbed one stages', () => {
    const outages = fc.array(fc.dictionary(fc.constantFrom(...periods), fc.constantFrom('absent', 'failed')), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(world, outages, fc.option(window, { nil: undefined }), ({ fate, ...rest }, disturbed, range) => {
        const it = { ...rest, fate: Object.fromEntries(Object.entries(fate).filter(([, what]) => what !== 'failed')) };
        const undisturbed = new Map<string, LedgerEntry>();
        run(it, undisturbed, range);
        const ledger = new Map<string, LedgerEntry>();
        for (const outage of disturbed) run({ ...it, fate: { ...it.fate, ...outage } }, ledger, range);
        run(it, ledger, range);
        const statuses = (of: ReadonlyMap<string, LedgerEntry>) =>
          [...of].map(([key, { status }]) => `${key} ${status}`).sort();
        expect(statuses(ledger)).toEqual(statuses(undisturbed));
      }),
    );
  });

  test('every listed day of the window is covered by a staged archive if the archive has any for it', () => {
    fc.assert(
      fc.property(world, window, (it, range) => {
        const ledger = new Map<string, LedgerEntry>();
        run(it, ledger, range);
        const isStaged = (period: string) => ledger.get(`key-${period}`)?.status === 'staged';
        for (const { period } of it.daily) {
          if (period < range.start || period >= range.end || it.fate[period] !== undefined) continue;
          const month = period.slice(0, 7);
          const monthly = isStaged(month) && !it.missing.includes(Number(period.slice(8)));
          const isWaitedFor = ledger.get(`key-${month}`)?.status === 'failed';
          expect(monthly || isStaged(period) || isWaitedFor, period).toBe(true);
        }
      }),
    );
  });
});
