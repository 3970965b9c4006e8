import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { formatLock, lockedAs, readLock } from '../../../extract/sources-lock.ts';
import { Ledger } from '../../../extract/staging/ledger.ts';
import { tempDir } from '../../support/temp.ts';
import { type Bucket, openBucket } from './bucket.ts';
import { keyOf, type RunOptions, rowOf, runExtracts, stagedCsvs } from './support.ts';

let bucket: Bucket;
let directory: string;
let locked: string;
beforeEach(async () => {
  [bucket, directory] = [await openBucket(), await tempDir('lock-')];
  locked = join(directory, 'sources.lock');
});
afterEach(() => bucket[Symbol.asyncDispose]());

const stagingIn = (name: string) => join(directory, name);
const run = (more: Partial<RunOptions> = {}) =>
  runExtracts({ url: bucket.url, stagingDir: stagingIn('first'), ...more });
/** A run on a machine that has nothing yet. */
const fresh = (more: Partial<RunOptions> = {}) => {
  rmSync(stagingIn('fresh'), { recursive: true, force: true });
  bucket.requests();
  return run({ stagingDir: stagingIn('fresh'), locked, ...more });
};
const asked = () => bucket.requests().filter((path) => path.startsWith('data/'));
const lockOf = (name = 'first') =>
  formatLock(
    'test',
    [...Ledger.open(stagingIn(name)).entries()].map(lockedAs).filter((archive) => archive !== undefined),
  );
const lock = () => writeFileSync(locked, lockOf());
const days = ['2025-07-01', '2025-07-02', '2025-07-03'];
const put = (day: string, close?: string, symbol = 'BTCUSDT') =>
  bucket.putArchive(keyOf(day, symbol), [rowOf(day, close)]);
const differs = (key: string, counts: string) => ({
  code: 'SOURCES_DIFFER',
  message: expect.stringContaining(counts),
  details: { key, file: locked },
});

describe('a run that is locked', () => {
  beforeEach(async () => {
    for (const day of days) put(day);
    await run();
    lock();
  });

  test('accepts the locked archives, and again with nothing to fetch', async () => {
    expect((await fresh()).klines).toMatchObject({ status: 'success', summary: { new: 3 } });
    expect(lockOf('fresh')).toBe(lockOf());
    expect((await run({ stagingDir: stagingIn('fresh'), locked })).klines.status).toBe('no-op');
  });

  test('fetches nothing if an archive was re-issued (A18), is gone, or is new; it says how many, and names the first', async () => {
    put('2025-07-02', '1.65');
    await expect(fresh()).rejects.toMatchObject(differs(keyOf('2025-07-02'), '1 changed, 0 missing, 0 new'));
    bucket.remove(keyOf('2025-07-01'));
    await expect(fresh()).rejects.toMatchObject(differs(keyOf('2025-07-01'), '1 changed, 1 missing, 0 new'));
    put('2025-07-04');
    put('2025-07-03', undefined, 'AAVEUSDT');
    const first = keyOf('2025-07-03', 'AAVEUSDT');
    await expect(fresh()).rejects.toMatchObject(differs(first, '1 changed, 1 missing, 2 new'));
    expect(asked()).toEqual([]);
    expect(stagedCsvs(stagingIn('fresh')).size).toBe(0);
  });

  test('checks only its own range and symbols', async () => {
    put('2025-07-03', '1.65');
    bucket.remove(keyOf('2025-07-01'));
    put('2025-07-02', undefined, 'AAVEUSDT');
    const window = { start: new Date('2025-07-02'), end: new Date('2025-07-03') };
    const options = { symbols: ['BTCUSDT'] };
    expect((await fresh({ window, options })).klines.summary).toMatchObject({ new: 1 });
    expect(asked()).toEqual([keyOf('2025-07-02')]);
    await expect(fresh({ window })).rejects.toMatchObject(differs(keyOf('2025-07-02', 'AAVEUSDT'), '1 new'));
  });

  test('fails if a staged archive differs from the lock, even if its listing agrees', async () => {
    writeFileSync(locked, lockOf().replace(/[0-9a-f]{64}(?=\n$)/, 'a'.repeat(64)));
    await expect(run({ locked })).rejects.toMatchObject(differs(keyOf('2025-07-03'), '1 changed'));
    await expect(fresh()).rejects.toMatchObject(differs(keyOf('2025-07-03'), '1 changed'));
    expect(asked()).toHaveLength(3);
  });

  test('fails if a staged archive is not in the lock, since it would be loaded too', async () => {
    writeFileSync(locked, lockOf().replace(/.*2025-07-03.zip.*\n/, ''));
    await expect(run({ locked })).rejects.toMatchObject(differs(keyOf('2025-07-03'), '1 new'));
  });

  test('fails if a locked archive gives no answer, or an invalid one', async () => {
    bucket.intercept = (_request, response, path) =>
      path === keyOf('2025-07-02') && void response.writeHead(404).end() === undefined;
    await expect(fresh()).rejects.toMatchObject(differs(keyOf('2025-07-02'), '1 changed'));
    bucket.intercept = (_request, response, path) =>
      path === keyOf('2025-07-02') && void response.writeHead(400).end() === undefined;
    await expect(fresh({ vars: { max_failed: 1 } })).rejects.toMatchObject(differs(keyOf('2025-07-02'), '1 changed'));
  });
});

test('A15: checks the days that a monthly file lacks before anything is fetched', async () => {
  const june = ['2025-06-01', '2025-06-02'];
  bucket.putArchive(
    keyOf('2025-06'),
    june.map((day) => rowOf(day)),
  );
  put('2025-06-03');
  await run();
  lock();
  put('2025-06-03', '1.65');
  await expect(fresh()).rejects.toMatchObject(differs(keyOf('2025-06-03'), '1 changed'));
  expect(asked()).toEqual([]);
});

test('rejected and absent archives are locked as such, and those without an answer are not', async () => {
  for (const day of days) put(day);
  bucket.put(keyOf('2025-07-01'), 'garbage, no zip');
  bucket.intercept = (_request, response, path) => {
    const status = path === keyOf('2025-07-02') ? 404 : path === keyOf('2025-07-03') ? 400 : undefined;
    if (status !== undefined) response.writeHead(status).end();
    return status !== undefined;
  };
  await run({ vars: { max_failed: 1 } });
  expect(
    lockOf()
      .split('\n')
      .slice(1, -1)
      .map((line) => line.replace(/^.*\/| \d+ [0-9a-f]{32}/g, '')),
  ).toEqual(['BTCUSDT-1d-2025-07-01.zip rejected', 'BTCUSDT-1d-2025-07-02.zip absent']);
  lock();
  const isNew = differs(keyOf('2025-07-03'), '0 changed, 0 missing, 1 new');
  await expect(fresh({ vars: { max_failed: 1 } })).rejects.toMatchObject(isNew);
  const window = { start: new Date('2025-07-01'), end: new Date('2025-07-03') };
  expect((await fresh({ window, vars: { max_failed: 1 } })).klines.summary).toMatchObject({ rejected: 1, absent: 1 });
});

describe('the file', () => {
  const archive = fc.record({
    key: fc
      .tuple(fc.constantFrom('BTCUSDT', '币安人生USDT', "a'b", 'two words'), fc.constantFrom(...days))
      .map(([symbol, day]) => keyOf(day, symbol)),
    size_bytes: fc.nat(),
    etag: fc.constantFrom('a'.repeat(32), `${'b'.repeat(32)}-2`),
    sha256: fc.constantFrom('c'.repeat(64), 'rejected', 'absent'),
  });
  const archives = fc.uniqueArray(archive, { selector: ({ key }) => key });

  test('is read as it was written, and the same archives give the same bytes in any order', () => {
    fc.assert(
      fc.property(archives, (some) => {
        const text = formatLock('live', some);
        expect(formatLock('live', some.toReversed())).toBe(text);
        writeFileSync(locked, text);
        expect([...readLock(locked).values()]).toEqual(some.toSorted((a, b) => (a.key < b.key ? -1 : 1)));
      }),
      { numRuns: 50 },
    );
  });

  test('that is truncated anywhere is refused, and the error says where', () => {
    const text = formatLock('live', [
      { key: keyOf('2025-07-01'), size_bytes: 300, etag: 'a'.repeat(32), sha256: 'b'.repeat(64) },
      { key: keyOf('2025-07-02'), size_bytes: 300, etag: 'a'.repeat(32), sha256: 'rejected' },
    ]);
    const lines = new Set([...text].flatMap((character, at) => (character === '\n' ? [at + 1] : [])));
    for (let length = 0; length < text.length; length++) {
      if (lines.has(length)) continue;
      writeFileSync(locked, text.slice(0, length));
      expect(() => readLock(locked)).toThrow(expect.objectContaining({ code: 'LOCK_INVALID' }));
    }
    writeFileSync(locked, text.replace('300', 'many'));
    expect(() => readLock(locked)).toThrow(expect.objectContaining({ details: expect.objectContaining({ line: 2 }) }));
  });

  test('that does not exist is an error that says how to get one', async () => {
    put('2025-07-01');
    await expect(run({ locked: join(directory, 'none') })).rejects.toMatchObject({
      code: 'LOCK_INVALID',
      details: { hint: expect.stringContaining('pnpm pipeline archive lock') },
    });
    expect(asked()).toEqual([]);
  });
});
