import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { archiveRevisionsFeed, stagedArchivesFeed } from '../../../extract/feeds.ts';
import { Ledger } from '../../../extract/staging/ledger.ts';
import { beginSurvey, noSurvey, type PendingSurvey, surveyStaged } from '../../../extract/staging/survey.ts';
import { daysFrom } from '../../support/archive.ts';
import { tempDir } from '../../support/temp.ts';
import { type Bucket, openBucket } from './bucket.ts';
import { type Ended, keyOf, type RunOptions, rowOf, runKlines, runListing } from './support.ts';

const days = daysFrom('2025-07-01', 5);
const { signal } = new AbortController();
let bucket: Bucket;
let stagingDir: string;
let surveys: PendingSurvey[];
let listed: Ended;

const csv = (day: string) => join(stagingDir, `futures-um/1d/BTCUSDT/BTCUSDT-1d-${day}.csv`);
const put = (day: string) => bucket.putArchive(keyOf(day), [rowOf(day)]);
const archives = () => bucket.requests().filter((path) => path.startsWith('data/'));
const list = async () => (await runListing({ url: bucket.url, stagingDir })).listing;

/** Runs as a separate run would, with a survey of the staged files from its start. */
async function run(more: Partial<RunOptions> = {}, listing = listed): Promise<Ended> {
  const survey = beginSurvey(stagingDir, signal, 1);
  surveys.push(survey);
  const share: RunOptions['share'] = async (name, create) =>
    name === 'staging survey' ? (survey as unknown as Awaited<ReturnType<typeof create>>) : await create();
  return (await runKlines({ url: bucket.url, stagingDir, share, ...more }, listing)).klines;
}

/** A listing whose objects cannot be read, for a run that must not look at them. */
function unreadable({ output, ...rest }: Ended): Ended {
  const objects = () => {
    throw new Error('this run has planned again');
  };
  return { ...rest, output: { ...(output as object), objects } };
}

beforeEach(async () => {
  [bucket, stagingDir, surveys] = [await openBucket(), await tempDir('staging-'), []];
  days.forEach(put);
  listed = await list();
  await run();
});
afterEach(async () => {
  for (const survey of surveys) await survey[Symbol.asyncDispose]();
  await bucket[Symbol.asyncDispose]();
});

describe('a survey', () => {
  test('finds the files that are gone and those of another size', async () => {
    rmSync(csv('2025-07-02'));
    appendFileSync(csv('2025-07-04'), 'x');
    const found = surveyStaged(stagingDir);
    expect([...found.broken].sort()).toEqual([keyOf('2025-07-02'), keyOf('2025-07-04')]);
    expect(found.ledger).toBe(Ledger.open(stagingDir).digest);
    expect(await beginSurvey(stagingDir, signal, 1).take()).toEqual(found);
  });

  test('does not miss pruned files', () => {
    using ledger = Ledger.open(stagingDir);
    for (const entry of [...ledger.entries()]) ledger.record({ ...entry, pruned: true });
    rmSync(csv('2025-07-02'));
    expect(surveyStaged(stagingDir).broken.size).toBe(0);
  });

  test('is taken once, and not at all for a small ledger', async () => {
    const survey = beginSurvey(stagingDir, signal, 1);
    surveys.push(survey);
    expect(await survey.take()).toBeDefined();
    expect(survey.take()).toBeUndefined();
    expect(beginSurvey(stagingDir, signal)).toBe(noSurvey);
  });

  test('ends when the run is interrupted', async () => {
    const controller = new AbortController();
    const survey = beginSurvey(stagingDir, controller.signal, 1);
    surveys.push(survey);
    controller.abort();
    await expect(survey.take()).rejects.toThrow();
  });
});

describe('a run after one that found nothing to do', () => {
  const nothing = { status: 'no-op', summary: { new: 0, unchanged: 5, absent: 0, rejected: 0, failed: 0, rows: 0 } };

  beforeEach(async () => {
    expect(await run()).toMatchObject(nothing);
    archives();
  });

  test('plans nothing and reports the same', async () => {
    const again = await run({}, unreadable(listed));
    expect(again).toMatchObject(nothing);
    expect(archives()).toEqual([]);
    const digest = () => (again.output as { ledger: string }).ledger;
    const unopened = () => {
      throw new Error('the ledger was opened');
    };
    for (const feed of [stagedArchivesFeed, archiveRevisionsFeed]) {
      expect(feed(unopened, digest).partitions.get('')).toBe(Ledger.open(stagingDir).digest);
    }
  });

  test.each([
    ['of a range', { window: { start: new Date('2025-07-01'), end: new Date('2025-07-02') } }],
    ['in another month', { asOf: new Date('2025-08-10T09:00:00Z') }],
    ['of another timeframe', { options: { timeframes: ['1d', '1h'] } }],
  ])('%s plans again', async (_what, more) => {
    await expect(run(more, unreadable(listed))).rejects.toThrow('this run has planned again');
  });

  test('fetches what was listed since', async () => {
    put('2025-07-06');
    listed = await list();
    expect(await run()).toMatchObject({ status: 'success', summary: { new: 1, unchanged: 5 } });
  });

  test('B10: fetches what is gone or truncated', async () => {
    rmSync(csv('2025-07-02'));
    writeFileSync(csv('2025-07-04'), 'cut');
    expect(await run()).toMatchObject({ status: 'success', summary: { new: 2, unchanged: 3 } });
    expect(archives()).toHaveLength(2);
  });

  test('fetches archives whose ledger entry has changed since', async () => {
    using ledger = Ledger.open(stagingDir);
    ledger.record({ ...ledger.get(keyOf('2025-07-03')), status: 'failed', reason: 'lost' } as never);
    expect(await run()).toMatchObject({ status: 'success', summary: { new: 1, unchanged: 4 } });
  });

  test('plans again if its record is damaged', async () => {
    writeFileSync(join(stagingDir, 'nothing-wanted.json'), '{"basis":');
    await expect(run({}, unreadable(listed))).rejects.toThrow('this run has planned again');
    expect(await run()).toMatchObject(nothing);
  });
});
