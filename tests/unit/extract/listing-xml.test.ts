import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ListingSyntaxError, parseListing } from '../../../extract/archive/listing-xml.ts';
import { describeShared, sharedPath } from '../../support/shared.ts';

interface Page {
  readonly prefix: string;
  readonly isTruncated: boolean;
  readonly nextMarker: string | undefined;
  readonly nextToken: string | undefined;
  readonly entries: readonly { key: string; last_modified: string; etag: string; size_bytes: number }[];
  readonly prefixes: readonly string[];
}

const escaped = (text: string) =>
  text.replace(
    /[&<>"']/g,
    (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&#34;', "'": '&#x27;' })[c] as string,
  );

/** The page as the service writes it, or pretty-printed. */
function format(
  { prefix, isTruncated, nextMarker, nextToken, entries, prefixes }: Page,
  pretty = false,
  text = escaped,
): string {
  const optional = (name: string, value: string | undefined) =>
    value === undefined ? [] : [`<${name}>${text(value)}</${name}>`];
  const parts = [
    '<Name>data.binance.vision</Name>',
    `<Prefix>${text(prefix)}</Prefix>`,
    `<IsTruncated>${isTruncated}</IsTruncated>`,
    ...optional('NextMarker', nextMarker),
    ...optional('NextContinuationToken', nextToken),
    ...entries.flatMap(({ key, last_modified, etag, size_bytes }) => [
      '<Contents>',
      ...[`<Key>${text(key)}</Key>`, `<LastModified>${last_modified}</LastModified>`],
      ...[`<ETag>&quot;${etag}&quot;</ETag>`, `<Size>${size_bytes}</Size>`, '<StorageClass>STANDARD</StorageClass>'],
      '</Contents>',
    ]),
    ...prefixes.map((name) => `<CommonPrefixes><Prefix>${text(name)}</Prefix></CommonPrefixes>`),
  ];
  const root = '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">';
  return ['<?xml version="1.0" encoding="UTF-8"?>\n', root, ...parts, '</ListBucketResult>'].join(pretty ? '\n  ' : '');
}

/** The same page as other servers write it: CDATA, self-closing elements, namespaces, elements of V2 (A29). */
const inOtherForm = (it: Page, pretty: boolean, prefixed: boolean): string =>
  format(it, pretty, (text) => `<![CDATA[${text.replaceAll(']]>', ']]]]><![CDATA[>')}]]>`)
    .replace('<Name>', '<Marker/><KeyCount >1</KeyCount><Delimiter x="1" y=\'2\' /><Name>')
    .replaceAll('</Size>', '</Size><Owner><ID/><DisplayName><![CDATA[</Owner>]]></DisplayName></Owner>')
    .replaceAll('</Key>', '</Key><ChecksumAlgorithm>CRC32</ChecksumAlgorithm>')
    .replaceAll(/<(\/?)(?=[A-Z])/g, prefixed ? '<$1s3:' : '<$1')
    .replace('xmlns=', prefixed ? 'xmlns:s3=' : 'xmlns=');

// Keys of the archive never contain characters that XML 1.0 requires to be escaped.
const name = fc.oneof(
  fc.stringMatching(/^[A-Za-z0-9/_.-]{1,60}$/),
  fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !/[\p{Cc}\p{Cs}]|^\s|\s$/u.test(text)),
  fc.constantFrom('data/币安人生USDT/1d/x.zip', 'a&b<c>"d\'e', '🚀'),
);
const entry = fc.record({
  key: name,
  last_modified: fc
    .date({ min: new Date('2017-01-01'), max: new Date('2099-01-01'), noInvalidDate: true })
    .map((date) => date.toISOString()),
  etag: fc.oneof(fc.stringMatching(/^[0-9a-f]{32}$/), fc.stringMatching(/^[0-9a-f]{32}-[1-9]$/)),
  size_bytes: fc.nat(),
});
const page = fc.record({
  prefix: name,
  isTruncated: fc.boolean(),
  nextMarker: fc.option(name, { nil: undefined }),
  nextToken: fc.option(name, { nil: undefined }),
  entries: fc.array(entry, { maxLength: 5 }),
  prefixes: fc.array(name, { maxLength: 3 }),
});

describe('a listing page', () => {
  test('B12: parse(format(page)) is the page, compact or pretty-printed', () => {
    fc.assert(
      fc.property(page, fc.boolean(), (it, pretty) => {
        expect(parseListing(Buffer.from(format(it, pretty)))).toEqual(it);
      }),
    );
  });

  test('A29: is read the same from any S3-compatible server', () => {
    // Inside CDATA, text that looks like a tag is text, which the renaming of elements would change.
    const plain = page.filter((it) => !/<\/?[A-Z]/.test(JSON.stringify(it)));
    fc.assert(
      fc.property(plain, fc.boolean(), fc.boolean(), (it, pretty, prefixed) => {
        expect(parseListing(Buffer.from(inOtherForm(it, pretty, prefixed)))).toEqual(it);
      }),
    );
  });

  test('A29: may give keys URL-encoded, times with an offset and MD5s in upper case', () => {
    const text = `<ListBucketResult><IsTruncated>false</IsTruncated><EncodingType>url</EncodingType><Prefix>data/</Prefix>
      <Contents><Key>data%2F%E5%B8%81+%2Bx</Key><LastModified>2025-06-11T16:35:00.123456+08:00</LastModified>
      <ETag>"${'AB'.repeat(16)}"</ETag><Size>1</Size></Contents>
      <CommonPrefixes><Prefix>data%2Fx%2F</Prefix></CommonPrefixes></ListBucketResult>`;
    expect(parseListing(Buffer.from(text))).toMatchObject({
      prefix: 'data/',
      entries: [{ key: 'data/币 +x', last_modified: '2025-06-11T08:35:00.123Z', etag: 'ab'.repeat(16) }],
      prefixes: ['data/x/'],
    });
  });

  const cuttable: Page = {
    ...{ prefix: 'data/', isTruncated: false, nextMarker: undefined, nextToken: undefined },
    entries: [{ key: 'k', last_modified: '2025-01-01T00:00:00.000Z', etag: 'a'.repeat(32), size_bytes: 1 }],
    prefixes: ['data/x/'],
  };
  test.each([format(cuttable), inOtherForm(cuttable, false, true)])(
    'that was truncated anywhere is refused: %s',
    (text) => {
      const bytes = Buffer.from(text);
      for (let length = 0; length < bytes.length; length++) {
        expect(() => parseListing(bytes.subarray(0, length)), `cut at ${length}`).toThrow(ListingSyntaxError);
      }
    },
  );

  const around = (inner: string) => `<ListBucketResult>${inner}</ListBucketResult>`;
  const fine = '<IsTruncated>false</IsTruncated>';
  const contents = (fields: Record<string, string>) =>
    around(
      `${fine}<Contents>${Object.entries(fields)
        .map(([tag, text]) => `<${tag}>${text}</${tag}>`)
        .join('')}</Contents>`,
    );
  const good = { Key: 'k', LastModified: '2025-01-01T00:00:00Z', ETag: 'abc', Size: '1' };

  test('may have unused elements, even nested ones', () => {
    const page = parseListing(
      Buffer.from(around(`<Owner><ID>1</ID><Name><A></A></Name></Owner>${fine}<Marker></Marker>`)),
    );
    expect(page).toMatchObject({ isTruncated: false, entries: [] });
  });

  test.each([
    ['an HTML page', '<!DOCTYPE html><html><body>Binance Data Collection</body></html>'],
    ['HTML without a doctype', '<html><body>x</body></html>'],
    ['an S3 error', '<Error><Code>SlowDown</Code></Error>'],
    ['nothing', ''],
    ['a doctype with entities', `<!DOCTYPE x [<!ENTITY e "y">]>${around(fine)}`],
    ['an unknown entity', around(`${fine}<Prefix>&e;</Prefix>`)],
    ['an entity without an end', around(`${fine}<Prefix>&amp</Prefix>`)],
    ['a surrogate as an entity', around(`${fine}<Prefix>&#xD800;</Prefix>`)],
    ['a comment', around(`${fine}<!-- x -->`)],
    ['CDATA without an end', around(`${fine}<Prefix><![CDATA[x]></Prefix>`)],
    ['an unknown encoding of keys', around(`${fine}<EncodingType>base64</EncodingType>`)],
    ['keys that are not encoded as stated', around(`${fine}<EncodingType>url</EncodingType><Prefix>%zz</Prefix>`)],
    ['an element closed in another namespace', around(`${fine}<a:Prefix>x</b:Prefix>`)],
    ['an empty entry', around(`${fine}<Contents/>`)],
    ['an impossible time', contents({ ...good, LastModified: '2025-02-31T99:00:00+08:00' })],
    ['tags that cross', around(`${fine}<Prefix>x</IsTruncated></Prefix>`)],
    ['a second root', around(fine) + around(fine)],
    ['no IsTruncated', around('')],
    ['an odd IsTruncated', around('<IsTruncated>maybe</IsTruncated>')],
    ['an entry without a key', contents({ ...good, Key: '' })],
    ['an entry without a time', contents({ ...good, LastModified: 'yesterday' })],
    ['an entry without an ETag', contents({ ...good, ETag: '' })],
    ['an absurd size', contents({ ...good, Size: '9'.repeat(30) })],
    ['a negative size', contents({ ...good, Size: '-1' })],
    ['deep nesting', around(`${fine}${'<A>'.repeat(50)}${'</A>'.repeat(50)}`)],
  ])('that is %s is refused', (_what, text) => {
    expect(() => parseListing(Buffer.from(text))).toThrow(ListingSyntaxError);
  });

  test('that is not UTF-8 is refused', () => {
    const bytes = Buffer.from(around(`${fine}<Prefix>x</Prefix>`));
    bytes[bytes.indexOf('>x<') + 1] = 0xff;
    expect(() => parseListing(bytes)).toThrow(ListingSyntaxError);
  });
});

describeShared('recorded pages of the real service', () => {
  const read = (name: string) => parseListing(readFileSync(sharedPath('real-archive/listing', name)));

  test('can all be parsed', () => {
    for (const name of readdirSync(sharedPath('real-archive/listing')))
      expect(read(name).prefix).toMatch(/^data\/spot\//);
  });

  test('have keys, sizes, times, ETags and the marker of the next page', () => {
    const first = read('daily-page1.xml');
    expect(first.nextMarker).toBe('data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2017-08-22.zip.CHECKSUM');
    expect(first.entries[0]).toEqual({
      key: 'data/spot/daily/klines/BTCUSDT/1m/BTCUSDT-1m-2017-08-17.zip',
      last_modified: '2023-07-18T04:11:20.000Z',
      etag: '014a8d177da3bf9839c293f341804d26',
      size_bytes: 29761,
    });
    expect(read('daily-page2.xml')).toMatchObject({ isTruncated: false, nextMarker: undefined });
  });

  test('A16: have no entry for a missing month, and are empty for an unknown prefix', () => {
    const months = read('monthly-1mo-hole.xml').entries.filter(({ key }) => key.endsWith('.zip'));
    expect(months.map(({ key }) => key.slice(-11, -4))).not.toContain('2024-03');
    expect(months).toHaveLength(11);
    expect(read('empty.xml').entries).toEqual([]);
  });
});
