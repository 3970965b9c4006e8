import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareKeys, type ListOptions, pageOf } from '../../../extract/archive/store.ts';

/** Names that share prefixes, contain the delimiter in odd places, and sort differently in UTF-16 and UTF-8. */
const name = fc
  .array(fc.constantFrom('a', 'b', '/', '.', '0', '币', '\uff21', '🚀'), { minLength: 1, maxLength: 6 })
  .map((parts) => parts.join(''));
const sortedKeys = fc.uniqueArray(name, { maxLength: 30 }).map((keys) => keys.sort(compareKeys));
const options = fc.record({
  prefix: fc.oneof(fc.constant(''), name),
  delimiter: fc.constantFrom('', '/', '.'),
  marker: fc.oneof(fc.constant(''), name),
  maxKeys: fc.integer({ min: 1, max: 5 }),
});

const bytes = (text: string): Buffer => Buffer.from(text);
const isAfter = (text: string, marker: string): boolean => Buffer.compare(bytes(text), bytes(marker)) > 0;

/** The complete listing without pages: names in order, rolled-up ones once. */
function naive(keys: readonly string[], { prefix, delimiter, marker }: ListOptions): readonly string[] {
  const names = keys
    .filter((key) => key.startsWith(prefix))
    .map((key) => {
      const cut = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
      return cut < 0 ? key : key.slice(0, cut + delimiter.length);
    })
    .filter((entry, i, all) => all.indexOf(entry) === i)
    .filter((entry) => isAfter(entry, marker));
  return names.sort((a, b) => Buffer.compare(bytes(a), bytes(b)));
}

test('keys are ordered by their UTF-8 bytes, even above U+FFFF', () => {
  expect(['🚀', '\uff21', '币', 'b', 'a/', 'a'].sort(compareKeys)).toEqual(['a', 'a/', 'b', '币', '\uff21', '🚀']);
  fc.assert(
    fc.property(name, name, (a, b) => {
      expect(Math.sign(compareKeys(a, b))).toBe(Buffer.compare(bytes(a), bytes(b)));
    }),
  );
});

test('a page has the first names with the prefix after the marker, rolled up at the delimiter', () => {
  fc.assert(
    fc.property(sortedKeys, options, (keys, asked) => {
      const page = pageOf(keys, asked);
      const expected = naive(keys, asked);
      const names = [...page.keys, ...page.commonPrefixes].sort(compareKeys);
      expect(names).toEqual(expected.slice(0, asked.maxKeys));
      expect(page.truncated).toBe(expected.length > asked.maxKeys);
      expect(page.keys).toEqual(names.filter((entry) => keys.includes(entry) && !page.commonPrefixes.includes(entry)));
    }),
  );
});

test('NextMarker is sent only with a delimiter, and it is the last name of the page', () => {
  fc.assert(
    fc.property(sortedKeys, options, (keys, asked) => {
      const page = pageOf(keys, asked);
      const last = [...page.keys, ...page.commonPrefixes].sort(compareKeys).at(-1);
      expect(page.nextMarker).toBe(page.truncated && asked.delimiter !== '' ? last : undefined);
    }),
  );
});

test('following the markers gives every name exactly once, with pages of any size', () => {
  fc.assert(
    fc.property(sortedKeys, options, (keys, asked) => {
      const seen: string[] = [];
      let marker = '';
      for (;;) {
        const page = pageOf(keys, { ...asked, marker });
        seen.push(...[...page.keys, ...page.commonPrefixes].sort(compareKeys));
        if (!page.truncated) break;
        marker = page.nextMarker ?? page.keys.at(-1) ?? '';
      }
      expect(seen).toEqual(naive(keys, { ...asked, marker: '' }));
    }),
  );
});

test('a page never has more than 1000 names, and is never empty if names are left', () => {
  const keys = Array.from({ length: 1_500 }, (_, i) => String(i).padStart(5, '0'));
  const size = (maxKeys: number) => pageOf(keys, { prefix: '', delimiter: '', marker: '', maxKeys }).keys.length;
  expect([size(5_000), size(1_000), size(12), size(0)]).toEqual([1_000, 1_000, 12, 1]);
});
