import fc from 'fast-check';
import { expect, test } from 'vitest';
import { defaultRetryPolicy, delayBefore, parseRetryAfter, withRetries } from '../../../extract/http/retry.ts';

const policy = { ...defaultRetryPolicy, base: 0, longest: 0 };
const never = new AbortController().signal;

test('the default policy outlasts six failures in a row', async () => {
  let attempts = 0;
  const result = await withRetries<string, string>({ ...defaultRetryPolicy, base: 0 }, never, async () => {
    return ++attempts <= 6 ? { kind: 'again', problem: 'broken' } : { kind: 'done', value: 'fine' };
  });
  expect(result).toEqual({ kind: 'done', value: 'fine' });
});

test('a permanent problem ends after the attempts, with every problem listed', async () => {
  const result = await withRetries({ ...policy, attempts: 3 }, never, async (n) => {
    return { kind: 'again', problem: `broken ${n}` };
  });
  expect(result).toEqual({ kind: 'exhausted', problems: ['broken 1', 'broken 2', 'broken 3'] });
});

test('A33: patience goes beyond the attempts if a problem may be transient', async () => {
  const patient = { ...policy, attempts: 2, base: 1, longest: 5, patience: 100 };
  const until = performance.now() + 100;
  const failing = (outlast: boolean) => async () =>
    performance.now() < until + 50
      ? ({ kind: 'again', problem: 'gone', outlast } as const)
      : ({ kind: 'done', value: 1 } as const);
  const impatient = await withRetries<number, string>(patient, never, failing(false));
  expect(impatient).toEqual({ kind: 'exhausted', problems: ['gone', 'gone'] });
  const lost = await withRetries<number, string>(patient, never, failing(true), { failingSince: () => until - 1000 });
  expect(lost).toEqual({ kind: 'exhausted', problems: ['gone', 'gone'] });
  const { kind, ...tried } = await withRetries<number, string>({ ...patient, patience: 10_000 }, never, failing(true));
  expect([kind, tried]).toEqual(['done', { value: 1 }]);
  expect(defaultRetryPolicy.patience).toBeGreaterThanOrEqual(30_000);
});

test('nothing is tried again after a deadline', async () => {
  const deadline = performance.now() - 1;
  const fails = async () => ({ kind: 'again', problem: 'slow', outlast: true }) as const;
  expect(await withRetries({ ...policy, patience: 10_000 }, never, fails, { deadline })).toEqual({
    kind: 'exhausted',
    problems: ['slow'],
  });
});

test('a delay is random up to a ceiling that doubles and is bounded', () => {
  const arbitrary = fc.tuple(fc.integer({ min: 1, max: 40 }), fc.double({ min: 0, max: 0.999, noNaN: true }));
  fc.assert(
    fc.property(arbitrary, ([retry, random]) => {
      const delay = delayBefore(retry, { ...defaultRetryPolicy, random: () => random });
      expect(delay).toBeGreaterThanOrEqual(0);
      expect(delay).toBeLessThanOrEqual(Math.min(defaultRetryPolicy.longest, 100 * 2 ** (retry - 1)));
    }),
  );
});

test('Retry-After is obeyed, up to its bound', () => {
  expect(delayBefore(1, defaultRetryPolicy, 5_000)).toBe(5_000);
  expect(delayBefore(1, defaultRetryPolicy, 3_600_000)).toBe(defaultRetryPolicy.longestRetryAfter);
});

test('Retry-After is a number of seconds or a time', () => {
  const now = Date.parse('2025-07-10T09:00:00Z');
  expect(parseRetryAfter('3', now)).toBe(3_000);
  expect(parseRetryAfter('Thu, 10 Jul 2025 09:00:07 GMT', now)).toBe(7_000);
  expect(parseRetryAfter('Thu, 10 Jul 2025 08:00:00 GMT', now)).toBe(0);
  expect(parseRetryAfter('soon', now)).toBeUndefined();
  expect(parseRetryAfter(undefined, now)).toBeUndefined();
});

test('an abort ends the wait at once', async () => {
  const controller = new AbortController();
  const started = performance.now();
  const waiting = withRetries(
    { ...defaultRetryPolicy, base: 60_000, longest: 60_000, random: () => 1 },
    controller.signal,
    async () => {
      return { kind: 'again', problem: 'broken' };
    },
  );
  setTimeout(() => controller.abort(), 20);
  await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  expect(performance.now() - started).toBeLessThan(5_000);
});
