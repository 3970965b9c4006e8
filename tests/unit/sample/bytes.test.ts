import { execFile } from 'node:child_process';
import { hash } from 'node:crypto';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { crc32 } from 'node:zlib';
import { Open } from 'unzipper';
import { expect, test } from 'vitest';
import { defaultAsOf, reissue } from '../../../extract/sample/cases.ts';
import { digestOf, keyOf, listAll, sample, sampleAt } from './support.ts';

/** The digest of all objects of the default seed. It changes only if the generator is meant to make another archive. */
const digestOfSample = '82eb550a00adc60f0a94b560b9770f33faee3cb8cce103f2d84cea3580d67d6b';

const root = join(import.meta.dirname, '../../..');
const script = "import('./tests/unit/sample/support.ts').then(async (s) => console.log(await s.digestOf(s.sample)))";

test('the same seed gives the same bytes on every machine', async () => {
  expect(await digestOf(sample)).toBe(digestOfSample);
});

test('the bytes are the same in any time zone and language (B7)', async () => {
  const environments = [
    { TZ: 'America/New_York', LANG: 'tr_TR.UTF-8' },
    { TZ: 'Asia/Tokyo', LC_ALL: 'ar_EG.UTF-8' },
  ];
  const node = join(root, 'node_modules/.bin/node');
  const digests = environments.map(async (environment) => {
    const env = { PATH: process.env.PATH, ...environment };
    return (await promisify(execFile)(node, ['-e', script], { cwd: root, env })).stdout.trim();
  });
  expect(await Promise.all(digests)).toEqual([digestOfSample, digestOfSample]);
});

test('another seed gives the same objects with other bytes', async () => {
  const prefix = 'data/futures/um/monthly/klines/BTCUSDT/';
  const read = async (seed?: string) => await listAll(sampleAt(defaultAsOf, seed), prefix);
  const [first, second] = [await read(), await read('another')];
  expect(second.map(({ key }) => key)).toEqual(first.map(({ key }) => key));
  expect(first.filter(({ etag }, i) => etag === second[i]?.etag)).toEqual([]);
});

test('an earlier as-of gives the same objects except those not published yet', async () => {
  const asOf = Date.parse('2025-05-20T08:34:30Z');
  const prefixes = ['daily/klines/ETHUSDT/', 'daily/klines/4USDT/', 'monthly/klines/BTCUSDT/'];
  for (const prefix of prefixes.map((path) => `data/futures/um/${path}`)) {
    const earlier = await listAll(sampleAt('2025-05-20T08:34:30Z'), prefix);
    const later = await listAll(sample, prefix);
    expect(earlier.length).toBeGreaterThan(5);
    expect(earlier).toEqual(later.filter(({ lastModified }) => lastModified.getTime() <= asOf));
  }
});

test('a later as-of adds objects', async () => {
  const key = keyOf('daily', 'BTCUSDT', '1d', '2025-09-30');
  expect(await sample.read(key)).toBeUndefined();
  expect(await sampleAt('2025-10-01T09:00:00Z').read(key)).toBeDefined();
});

test('before its first day the archive is empty', async () => {
  expect(await listAll(sampleAt('2024-01-01T00:00:00Z'))).toEqual([]);
});

test('what is read is what is listed, and every archive has a matching CHECKSUM one second later', async () => {
  const listed = new Map((await listAll(sample)).map((object) => [object.key, object]));
  const problems: string[] = [];
  for (const { key, etag, size, lastModified } of listed.values()) {
    const object = await sample.read(key);
    if (object === undefined || object.body.length !== size || hash('md5', object.body) !== etag) problems.push(key);
    if (object === undefined || !key.endsWith('.zip')) continue;
    const checksum = await sample.read(`${key}.CHECKSUM`);
    const name = key.slice(key.lastIndexOf('/') + 1);
    if (checksum?.body.toString() !== `${hash('sha256', object.body)}  ${name}`) problems.push(`${key}.CHECKSUM`);
    if (checksum?.lastModified.getTime() !== lastModified.getTime() + 1_000) problems.push(`${key}.CHECKSUM time`);
  }
  expect(problems).toEqual([]);
  expect(listed.size).toBeGreaterThan(40_000);
});

test('unzipper opens the archives, which have one member of the same name with the right CRC-32', async () => {
  let opened = 0;
  for (const { key } of await listAll(sample)) {
    // Every monthly archive and every eleventh daily one, since all of them would take ten seconds.
    if (!key.endsWith('.zip') || (key.includes('/daily/') && Number.parseInt(hash('md5', key).slice(0, 4), 16) % 11))
      continue;
    const { files } = await Open.buffer((await sample.read(key))?.body ?? Buffer.alloc(0));
    const content = await files[0]?.buffer();
    const name = key.slice(key.lastIndexOf('/') + 1, -'.zip'.length);
    expect(
      files.map(({ path }) => path),
      key,
    ).toEqual([`${name}.csv`]);
    expect(content && crc32(content), key).toBe(files[0]?.crc32);
    opened++;
  }
  expect(opened).toBeGreaterThan(2_000);
});

test('a re-issue (A18) is the only object whose bytes depend on the as-of', async () => {
  const prefix = `data/futures/um/daily/klines/${reissue.symbol}/`;
  const before = await listAll(sampleAt('2025-07-01T07:20:10Z'), prefix);
  const after = new Map((await listAll(sample, prefix)).map((object) => [object.key, object.etag]));
  const changed = before.filter(({ key, etag }) => after.get(key) !== etag).map(({ key }) => key);
  const path = keyOf('daily', reissue.symbol, '1d', reissue.date);
  expect(changed).toEqual([path, `${path}.CHECKSUM`]);
});
