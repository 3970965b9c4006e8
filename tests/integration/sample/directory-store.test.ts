import { createHash } from 'node:crypto';
import { mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createDirectoryStore } from '../../../extract/archive/directory-store.ts';
import { compareKeys, pageOf } from '../../../extract/archive/store.ts';
import { tempDir } from '../../support/temp.ts';

const published = new Date('2025-07-09T08:35:00Z');

async function put(root: string, key: string, body: string): Promise<void> {
  await mkdir(dirname(join(root, key)), { recursive: true });
  await writeFile(join(root, key), body);
  await utimes(join(root, key), published, published);
}

const everything = { prefix: '', delimiter: '', marker: '', maxKeys: 1_000 };

test('an object is a file with its bytes, their MD5 and its time', async () => {
  const root = await tempDir();
  await put(root, 'data/spot/a.zip', 'abc');
  const store = await createDirectoryStore(root);
  const etag = '900150983cd24fb0d6963f7d28e17f72';
  expect(await store.read('data/spot/a.zip')).toEqual({ body: Buffer.from('abc'), etag, lastModified: published });
  expect((await store.list(everything)).contents).toEqual([
    { key: 'data/spot/a.zip', size: 3, etag, lastModified: published },
  ]);
});

test('a large file also has the MD5 of its bytes', async () => {
  const root = await tempDir();
  await put(root, 'data/large', 'x'.repeat(9 * 1024 * 1024));
  const listed = (await (await createDirectoryStore(root)).list(everything)).contents[0]?.etag;
  const read = (await (await createDirectoryStore(root)).read('data/large'))?.etag;
  expect(listed).toBe(read);
});

test('a large file is opened instead of read, and a small one is read', async () => {
  const root = await tempDir();
  const text = 'x'.repeat(3 * 1024 * 1024);
  await put(root, 'data/large', text);
  await put(root, 'data/small', 'x');
  const store = await createDirectoryStore(root);
  const large = await store.open?.('data/large');
  const etag = createHash('md5').update(text).digest('hex');
  expect(large).toMatchObject({ size: text.length, etag, lastModified: published });
  expect((await large?.stream().toArray())?.join('')).toBe(text);
  for (const key of ['data/small', 'data/gone', 'data', 'data/../data/large']) {
    expect(await store.open?.(key), key).toBeUndefined();
  }
});

test('a changed file has another ETag, and new files and files of another length are listed', async () => {
  const root = await tempDir();
  await put(root, 'data/a', 'one');
  const store = await createDirectoryStore(root);
  const etags = async () => (await store.list(everything)).contents.map(({ etag }) => etag);
  const before = await etags();
  await put(root, 'data/a', 'three');
  await put(root, 'data/b', 'one');
  const after = await etags();
  expect(after).toHaveLength(2);
  expect(after[0]).not.toBe(before[0]);
  expect(after[1]).toBe(before[0]);
  expect((await store.read('data/a'))?.etag).toBe(after[0]);
});

test('nothing outside the root is listed or read by any key, link or prefix', async () => {
  const [root, outside] = [await tempDir(), await tempDir()];
  await put(root, 'data/a', 'inside');
  await put(root, 'other/b', 'beside data');
  await put(outside, 'data/secret', 'secret');
  await symlink(join(outside, 'data'), join(root, 'data/link'));
  await symlink(join(outside, 'data/secret'), join(root, 'data/file'));
  const store = await createDirectoryStore(root);
  const keys = [
    'data/link/secret',
    'data/file',
    'data/../other/b',
    'other/b',
    `data/../../${outside}/data/secret`,
    join(outside, 'data/secret'),
    'data//a',
    'data/./a',
    'data/a/',
    'data',
    'data/a\0',
    '',
  ];
  for (const key of keys) expect(await store.read(key), key).toBeUndefined();
  for (const prefix of ['', 'data/link/', 'data/../other/', 'other/', '/'])
    expect(
      (await store.list({ ...everything, prefix })).contents.map(({ key }) => key),
      prefix,
    ).toEqual(prefix === '' ? ['data/a'] : []);
});

test('a folder without a file is not a common prefix', async () => {
  const root = await tempDir();
  await mkdir(join(root, 'data/empty/deeper'), { recursive: true });
  await put(root, 'data/full/deeper/a', 'x');
  const store = await createDirectoryStore(root);
  expect((await store.list({ ...everything, prefix: 'data/', delimiter: '/' })).commonPrefixes).toEqual(['data/full/']);
});

test('every page of a folder equals the page of its keys', async () => {
  const part = fc.constantFrom('a', 'b', 'a.b', 'a-b', '币', '\uff21', '🚀');
  const path = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => `data/${parts.join('/')}.zip`);
  const text = fc.oneof(
    path,
    path.map((key) => key.slice(0, -6)),
    path.map(dirname),
    fc.constantFrom('', 'data/', 'data/a', 'd', 'x'),
  );
  const options = fc.record({
    prefix: text,
    delimiter: fc.constantFrom('', '/', '-'),
    marker: text,
    maxKeys: fc.integer({ min: 1, max: 6 }),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(path, { maxLength: 12 }),
      fc.array(options, { minLength: 20, maxLength: 20 }),
      async (keys, asked) => {
        const root = await tempDir();
        for (const key of keys) await put(root, key, key);
        const store = await createDirectoryStore(root);
        const sorted = [...keys].sort(compareKeys);
        for (const one of asked) {
          const { contents, ...page } = await store.list(one);
          expect({ ...page, keys: contents.map(({ key }) => key) }).toEqual(pageOf(sorted, one));
        }
      },
    ),
    { numRuns: 25 },
  );
});
