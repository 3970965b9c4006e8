import { realpathSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { addressOf, formatAddress } from '../../../engine/target/archive-address.ts';
import { tempDir } from '../../support/temp.ts';

test.each([
  ['https://data.example/', 'https://data.example'],
  ['HTTPS://Data.Example:443/a/b//', 'https://data.example/a/b'],
  ['http://127.0.0.1:8080/?list-type=2#top', 'http://127.0.0.1:8080'],
  ['http://me:pass@host/path?X-Amz-Signature=1', 'http://host/path'],
  ['http://me:pa ss@ho st/path?token=1', 'http://ho st/path'],
  ['sample', 'sample'],
  ['/nowhere/./here/', '/nowhere/here'],
])('B27: the address of %s is %s, without credentials', (archive, expected) => {
  expect(addressOf({ archive })).toEqual({ archive: expected, listing: expected });
});

test('B27: a folder has the same address by its path and by a file: URL', async () => {
  const folder = realpathSync(await tempDir());
  for (const archive of [
    folder,
    `${folder}/`,
    pathToFileURL(folder).href,
    `${folder}/../${folder.split('/').at(-1)}`,
  ]) {
    expect(addressOf({ archive })?.archive).toBe(folder);
  }
});

test('the listing is told where it is elsewhere', () => {
  expect(formatAddress({ archive: 'http://a', listing: 'http://l' })).toBe('http://a (listing http://l)');
  expect(formatAddress({ archive: 'http://a', listing: 'http://a' })).toBe('http://a');
});

test('a target without an archive has no address', () => {
  expect(addressOf({})).toBeUndefined();
});
