import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createClient } from '../../../extract/archive/client.ts';
import { list } from '../../../extract/archive/list.ts';
import type { ArchiveListing } from '../../../extract/listing/archive-listing.ts';
import listing from '../../../extract/listing.ts';
import { daysFrom } from '../../support/archive.ts';
import { tempDir } from '../../support/temp.ts';
import { type Bucket, openBucket } from './bucket.ts';
import { asOf, feedRows, filesBelow, keyOf, type RunOptions, runListing } from './support.ts';

let bucket: Bucket;
let stagingDir: string;
beforeEach(async () => {
  [bucket, stagingDir] = [await openBucket(), await tempDir('staging-')];
});
afterEach(() => bucket[Symbol.asyncDispose]());

const run = (more: Partial<RunOptions> = {}) => runListing({ url: bucket.url, stagingDir, ...more });
const laterBy = (days: number) => new Date(asOf.getTime() + days * 86_400_000);
const putDays = (symbol: string, days: readonly string[], timeframe?: string) => {
  for (const day of days) bucket.put(keyOf(day, symbol, timeframe), `${symbol} ${day}`);
};
const listed = async () =>
  (await feedRows('listing', stagingDir, join(stagingDir, 'feed.csv'))).slice(1).map(([key]) => key);

const june = daysFrom('2025-06-01', 30);

describe('pages', () => {
  const listAll = async (prefix: string, marker?: string) => {
    await using client = createClient({
      connections: 4,
      signal: new AbortController().signal,
      retry: { base: 1, attempts: 3, patience: 0 },
    });
    return await list(client, bucket.url, prefix, marker);
  };

  test('B12: are followed to the end, even with markers that are not ASCII', async () => {
    bucket.pageSize = 3;
    const prefix = 'data/futures/um/daily/klines/币安人生USDT/1d/';
    putDays('币安人生USDT', june);
    const { entries } = await listAll(prefix);
    expect(entries.map(({ key }) => key)).toEqual(june.map((day) => keyOf(day, '币安人生USDT')));
    expect(bucket.requests()).toHaveLength(10);
    expect((await listAll(prefix, keyOf('2025-06-28', '币安人生USDT'))).entries).toHaveLength(2);
  });

  test('A25: list the prefixes of more than a thousand symbols', async () => {
    bucket.pageSize = 10;
    const names = Array.from({ length: 55 }, (_, i) => `S${i}🚀`);
    for (const name of names) putDays(name, ['2025-06-01']);
    const { prefixes } = await listAll('data/futures/um/daily/klines/');
    expect(new Set(prefixes.map((prefix) => prefix.split('/').at(-2)))).toEqual(new Set(names));
  });

  const page = (inner: string) => `<ListBucketResult>${inner}</ListBucketResult>`;
  const entry = (key: string) =>
    `<Contents><Key>${key}</Key><LastModified>2025-01-01T00:00:00.000Z</LastModified><ETag>"a"</ETag><Size>1</Size></Contents>`;

  test('without a next marker are continued after their last entry', async () => {
    bucket.intercept = (_request, response, path) => {
      const first = !path.includes('marker=');
      const more = first
        ? `<IsTruncated>true</IsTruncated>${entry('p/1')}${entry('p/2')}`
        : `<IsTruncated>false</IsTruncated>${entry('p/3')}`;
      response.end(page(more));
      return true;
    };
    expect((await listAll('p/')).entries.map(({ key }) => key)).toEqual(['p/1', 'p/2', 'p/3']);
    expect(bucket.requests().at(-1)).toContain('marker=p/2');
  });

  test.each([
    ['does not advance', page(`<IsTruncated>true</IsTruncated><NextMarker>p/1</NextMarker>${entry('p/1')}`)],
    ['continues after nothing', page('<IsTruncated>true</IsTruncated>')],
    ['is a web page', '<!DOCTYPE html><html></html>'],
    ['is truncated', page('<IsTruncated>false</IsTruncated>').slice(0, -5)],
    ['lists another prefix', page('<Prefix>other/</Prefix><IsTruncated>false</IsTruncated>')],
    ['lists keys outside its prefix', page(`<IsTruncated>false</IsTruncated>${entry('../etc/passwd')}`)],
  ])('a listing that %s is an error that says so', async (_what, text) => {
    bucket.intercept = (_request, response) => void response.end(text) === undefined;
    await expect(listAll('p/')).rejects.toMatchObject({
      code: 'LISTING_INVALID',
      details: { url: expect.any(String) },
    });
  });

  test.each(['<!DOCTYPE html><html></html>', '<ListBucketResult><IsTrunc', ''])(
    'a transient page %j is requested again',
    async (text) => {
      putDays('BTCUSDT', june);
      let bad = 2;
      bucket.intercept = (_request, response) => bad-- > 0 && void response.end(text) === undefined;
      expect((await listAll('data/futures/um/daily/klines/BTCUSDT/1d/')).entries).toHaveLength(30);
    },
  );
});

describe('a first run', () => {
  test('lists every symbol of both trees once, and the tree of availability_timeframe', async () => {
    putDays('BTCUSDT', june);
    putDays('BTCUSDT', june.slice(0, 3), '1m');
    bucket.put(keyOf('2025-05'), 'x');
    putDays('1000PEPEUSDT', june.slice(0, 2));
    const { listing: result } = await run({
      listingOptions: { availability: true },
      vars: { availability_timeframe: '1m' },
    });
    expect(result.summary).toMatchObject({ symbols: 2, series: 5, objects: 36, new: 36, gone: 0, skipped: 0 });
    expect(bucket.requests()).toHaveLength(2 + 5);
    expect(await listed()).toHaveLength(36);
  });

  test('feeds archive_objects, by series', async () => {
    bucket.put(keyOf('2025-06-17'), 'abc', { lastModified: '2025-06-18T08:35:12.345Z' });
    bucket.put(`${keyOf('2025-06-17')}.CHECKSUM`, 'x');
    bucket.put(keyOf('2025-06'), 'abcd', { lastModified: '2025-07-07T00:00:00Z', etag: 'abc-2' });
    await run();
    const rows = await feedRows('listing', stagingDir, join(stagingDir, 'feed.csv'));
    const columns =
      'key,instrument_type,cadence,symbol,timeframe,period_start,period_end,size_bytes,etag,last_modified,listed_at';
    expect(rows.map((row) => row.join(','))).toEqual([
      columns,
      `${keyOf('2025-06-17')},futures-um,daily,BTCUSDT,1d,2025-06-17,2025-06-18,3,900150983cd24fb0d6963f7d28e17f72,2025-06-18 08:35:12.345,2025-07-10 09:00:00.000`,
      `${keyOf('2025-06')},futures-um,monthly,BTCUSDT,1d,2025-06-01,2025-07-01,4,abc-2,2025-07-07 00:00:00,2025-07-10 09:00:00.000`,
    ]);
    const { feeds } = await listing.staged({ stagingDir, asOf });
    expect([...(feeds?.archive_objects?.partitions.keys() ?? [])]).toEqual([
      'futures-um/daily/1d/BTCUSDT',
      'futures-um/monthly/1d/BTCUSDT',
    ]);
  });

  test('A7 B19: skips a zip whose name does not fit the layout, with a warning', async () => {
    putDays('BTCUSDT', ['2025-06-01']);
    const bad = ['BTCUSDT-1d-2025-6-2.zip', 'ETHUSDT-1d-2025-06-02.zip', 'BTCUSDT-1d-2025-06-31.zip'];
    for (const name of bad) bucket.put(`data/futures/um/daily/klines/BTCUSDT/1d/${name}`, 'x');
    const { listing: result, warnings } = await run();
    expect(result).toMatchObject({ status: 'warn', summary: { objects: 1, skipped: 3 } });
    for (const name of bad) expect(warnings.join('\n')).toContain(name);
    expect(await listed()).toEqual([keyOf('2025-06-01')]);
  });

  test('A7: only a listing from the start of a series sees every name that it skips', async () => {
    for (const month of ['2020-12', '2025-06']) bucket.put(keyOf(month), month);
    const key = keyOf('2020-12').replace('2020-12.zip', '2020-8.zip');
    bucket.put(key, 'x');
    const whole = await run();
    expect(whole.told).toEqual([{ kind: 'name_skipped', subject: key, message: expect.stringContaining(key) }]);
    expect(whole.listing.partlyChecked).toBeUndefined();
    const rest = await run({ asOf: laterBy(1) });
    expect(rest.told).toEqual([]);
    expect(rest.listing.partlyChecked).toEqual(['name_skipped']);
  });

  test('A26: does not take an empty name for a symbol, and refuses one with ..', async () => {
    putDays('BTCUSDT', ['2025-06-01']);
    const parent = 'data/futures/um/daily/klines/';
    for (const name of ['', '..', 'a\nb']) bucket.put(`${parent}${name}/1d/x.zip`, 'x');
    bucket.put(`${parent}`, '');
    const { listing: result, warnings } = await run();
    expect(result.summary.symbols).toBe(1);
    expect(warnings.filter((text) => text.includes('it cannot be a symbol'))).toHaveLength(2);
    expect([...filesBelow(stagingDir).keys()]).toEqual(['listing/futures-um/daily/1d/BTCUSDT.tsv']);
  });

  test('accepts device names and quotes as symbols, which stay in their folder', async () => {
    const names = ['CON', "a'b", 'data[1]', '🚀'];
    for (const name of names) putDays(name, ['2025-06-01']);
    await run();
    expect([...filesBelow(stagingDir).keys()].every((path) => path.startsWith('listing/futures-um/daily/1d/'))).toBe(
      true,
    );
    expect((await listed()).sort()).toEqual(names.map((name) => keyOf('2025-06-01', name)).sort());
  });

  test('of an archive without any symbol is an error, and forgets nothing', async () => {
    putDays('BTCUSDT', june);
    await run();
    for (const day of june) bucket.remove(keyOf(day));
    await expect(run()).rejects.toMatchObject({ code: 'LISTING_INVALID' });
    expect(await listed()).toHaveLength(30);
  });
});

describe('a later run', () => {
  test('with nothing new requests only the prefixes and one page per series, and writes nothing', async () => {
    bucket.pageSize = 10;
    const days = daysFrom('2025-06-10', 30);
    putDays('BTCUSDT', days);
    putDays('ETHUSDT', days);
    await run();
    const before = filesBelow(stagingDir);
    bucket.requests();
    const { listing: result } = await run({ asOf: laterBy(1) });
    expect(bucket.requests()).toHaveLength(2 + 2);
    expect(result).toMatchObject({ status: 'no-op', summary: { objects: 60, new: 0 } });
    expect(filesBelow(stagingDir)).toEqual(before);
  });

  test('finds new days, and those that came late or were re-issued within five days', async () => {
    putDays(
      'BTCUSDT',
      june.filter((day) => day !== '2025-06-26'),
    );
    await run();
    bucket.put(keyOf('2025-06-26'), 'late');
    bucket.put(keyOf('2025-06-28'), 're-issued');
    bucket.put(keyOf('2025-07-01'), 'new');
    const { listing: result } = await run({ asOf: laterBy(1) });
    expect(result.summary).toMatchObject({ objects: 31, new: 2, reissued: 1, gone: 0 });
    expect(await listed()).toEqual([...june, '2025-07-01'].map((day) => keyOf(day)));
    const seen = new Map(
      (await feedRows('listing', stagingDir, join(stagingDir, 'f.csv'))).map((row) => [row[0], row[10]]),
    );
    expect(seen.get(keyOf('2025-06-01'))).toBe('2025-07-10 09:00:00.000');
    for (const day of ['2025-06-26', '2025-06-28', '2025-07-01']) {
      expect(seen.get(keyOf(day)), day).toBe('2025-07-11 09:00:00.000');
    }
  });

  test('also finds new months', async () => {
    for (const month of ['2025-03', '2025-04', '2025-05']) bucket.put(keyOf(month), month);
    await run();
    bucket.put(keyOf('2025-06'), 'x');
    expect((await run()).listing.summary).toMatchObject({ new: 1, objects: 4 });
    expect(bucket.requests().at(-1)).toContain('BTCUSDT-1d-2025-04');
  });

  test('A18 A21: finds changes of old files once relist_after has passed, or with --relist', async () => {
    for (const again of [{ asOf: laterBy(7.1) }, { relist: true }]) {
      putDays('BTCUSDT', june);
      bucket.remove(keyOf('2025-06-02'));
      await run({ relist: true });
      bucket.put(keyOf('2025-06-01'), `re-issued ${JSON.stringify(again)}`);
      putDays('BTCUSDT', ['2025-06-02']);
      bucket.remove(keyOf('2025-06-03'));
      expect((await run({ asOf: laterBy(6.9) })).listing.summary).toMatchObject({ new: 0, reissued: 0, gone: 0 });
      expect((await run(again)).listing.summary).toMatchObject({ new: 1, reissued: 1, gone: 1, objects: 29 });
      expect(await listed()).not.toContain(keyOf('2025-06-03'));
    }
  });

  test('A25: forgets a symbol that is no longer among the prefixes', async () => {
    putDays('BTCUSDT', june.slice(0, 2));
    putDays('ETHUSDT', june.slice(0, 2));
    await run();
    for (const day of june) bucket.remove(keyOf(day, 'ETHUSDT'));
    await run();
    expect(await listed()).toEqual(june.slice(0, 2).map((day) => keyOf(day)));
  });

  test('lists all of a series again if its state is damaged', async () => {
    putDays('BTCUSDT', june);
    await run();
    const before = filesBelow(stagingDir);
    writeFileSync(join(stagingDir, 'listing/futures-um/daily/1d/BTCUSDT.tsv'), 'half a st');
    expect((await run()).listing.summary).toMatchObject({ objects: 30, new: 30 });
    expect(filesBelow(stagingDir)).toEqual(before);
  });
});

describe('series that cannot be listed', () => {
  const breakSymbol = (symbol: string) => {
    bucket.intercept = (_request, response, path) => {
      const broken = path.includes(`/${symbol}/1d/`);
      if (broken) response.writeHead(400).end();
      return broken;
    };
  };

  test('are an error above max_failed, after which nothing listed is lost', async () => {
    for (const symbol of ['A', 'B', 'C']) putDays(symbol, june);
    breakSymbol('B');
    await expect(run()).rejects.toMatchObject({ code: 'ARCHIVE_RESPONSE' });
    bucket.intercept = undefined;
    expect((await run()).listing.summary).toMatchObject({ objects: 90 });
  });

  test('are a warning up to it, and stay as they were last known', async () => {
    for (const symbol of ['A', 'B', 'C']) putDays(symbol, june);
    await run();
    breakSymbol('B');
    const { listing: result, warnings } = await run({ vars: { max_failed: 0.5 } });
    expect(result).toMatchObject({ status: 'warn', summary: { failed: 1 } });
    expect(warnings.join()).toContain('futures-um/daily/1d/B');
    const { series, objects } = result.output as ArchiveListing;
    expect(series.map((it) => objects(it.series).length)).toEqual([30, 30, 30]);
  });

  test('A33: because of single refusals are listed again, and cause a warning if the refusals persist', async () => {
    for (const symbol of ['A', 'B', 'C']) putDays(symbol, june);
    const refusals = new Map([
      ['A', 1],
      ['B', Number.POSITIVE_INFINITY],
    ]);
    bucket.intercept = (_request, response, path) => {
      const symbol = /klines\/(.)\/1d/.exec(path)?.[1] ?? '';
      const left = refusals.get(symbol) ?? 0;
      refusals.set(symbol, left - 1);
      if (left > 0) response.writeHead(403).end();
      return left > 0;
    };
    const { listing: result, warnings } = await run({ vars: { max_failed: 0.5 }, options: { attempts: 2 } });
    expect(result).toMatchObject({ status: 'warn', summary: { objects: 60, failed: 1 } });
    expect(warnings.join()).toContain('could not list futures-um/daily/1d/B');
  });

  test('A33: because all are refused are an error that says what it means', async () => {
    for (const symbol of ['A', 'B', 'C']) putDays(symbol, june);
    bucket.intercept = (_request, response, path) =>
      path.includes('/1d/') && void response.writeHead(403).end() === undefined;
    const refused = { code: 'ARCHIVE_REFUSED', message: expect.stringContaining('refuses access') };
    await expect(run({ options: { attempts: 2 }, vars: { max_failed: 0.4 } })).rejects.toMatchObject(refused);
  });

  test('because the host refuses are an error at once', async () => {
    putDays('A', june);
    bucket.intercept = (_request, response) => void response.writeHead(451).end() === undefined;
    await expect(run({ vars: { max_failed: 1 } })).rejects.toMatchObject({ code: 'ARCHIVE_REFUSED' });
    expect(bucket.requests().length).toBeLessThanOrEqual(2);
  });
});

describe("a run's clock", () => {
  test('that is far ahead of the newest day is reported, and does not keep later runs from listing all', async () => {
    putDays('BTCUSDT', june);
    expect((await run({ asOf: new Date('2025-07-03T00:00:00Z') })).warnings).toEqual([]);
    const { listing: result, warnings } = await run({ asOf: new Date('2026-07-10T09:00:00Z'), relist: true });
    expect(result.status).toBe('warn');
    expect(warnings).toEqual([expect.stringMatching(/2026-07-10 09:00 UTC.* 2025-06-30, 374 days earlier/)]);

    bucket.remove(keyOf('2025-06-02'));
    bucket.put(keyOf('2025-06-03'), 're-issued');
    expect((await run()).listing.summary).toMatchObject({ gone: 1, reissued: 1 });
    bucket.remove(keyOf('2025-06-04'));
    expect((await run({ asOf: laterBy(1) })).listing.summary).toMatchObject({ gone: 0 });
  });

  test('is not compared with monthly archives, which are usually weeks old', async () => {
    bucket.put(keyOf('2025-05'), 'x');
    expect((await run()).warnings).toEqual([]);
  });
});

test('progress counts series', async () => {
  for (const symbol of ['A', 'B', 'C']) putDays(symbol, june);
  const { progress } = await run();
  expect(progress.at(-1)).toMatchObject({ done: 3, total: 3, unit: 'series', records: 90, retries: 0 });
});

test('a state is written aside, so that leftovers of a kill are never taken for a series', async () => {
  putDays('BTCUSDT', june);
  await run();
  const file = join(stagingDir, 'listing/futures-um/daily/1d/BTCUSDT.tsv');
  writeFileSync(`${file}.part`, readFileSync(file, 'utf8').slice(0, 300));
  expect(await listed()).toHaveLength(30);
});
