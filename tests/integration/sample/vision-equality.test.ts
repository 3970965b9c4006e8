import { afterAll, beforeAll, expect, test } from 'vitest';
import { createDirectoryStore } from '../../../extract/archive/directory-store.ts';
import { type ArchiveServer, serveStore } from '../../../extract/archive/server.ts';
import { writeArchive } from '../../../extract/sample/write-archive.ts';
import { describeShared } from '../../support/shared.ts';
import { tempDir } from '../../support/temp.ts';
import { type VisionServer, visionServer } from '../../support/vision-server.ts';
import { below, keyOf, sample } from '../../unit/sample/support.ts';

const klines = 'data/futures/um/daily/klines/';
const bitcoin = `${klines}BTCUSDT/1d/`;

const pages: readonly Readonly<Record<string, string>>[] = [
  {},
  { prefix: klines },
  { prefix: klines, 'max-keys': '7' },
  { prefix: klines, delimiter: '/' },
  { prefix: klines, delimiter: '/', 'max-keys': '5' },
  { prefix: klines, delimiter: '/', marker: `${klines}BTCUSDT/`, 'max-keys': '3' },
  { prefix: klines, delimiter: '/', marker: `${klines}BTCUSDT/1m/x`, 'max-keys': '3' },
  { prefix: klines, delimiter: '/', marker: `${klines}币安人生USDT/` },
  { prefix: klines, marker: `${klines}币安人生USDT/1d/币安人生USDT-1d-2025-06-20.zip` },
  { prefix: klines, delimiter: '/', marker: '币' },
  { prefix: bitcoin, delimiter: '/' },
  { prefix: bitcoin, delimiter: '/', 'max-keys': '12' },
  { prefix: bitcoin, 'max-keys': '1' },
  { prefix: bitcoin, delimiter: '/', marker: `${bitcoin}BTCUSDT-1d-2025-01-18.zip` },
  { prefix: bitcoin, marker: `${bitcoin}BTCUSDT-1d-2025-01-18` },
  { prefix: bitcoin, marker: 'zzz' },
  { prefix: `${bitcoin}BTCUSDT-1d-2025-01-1`, delimiter: '/' },
  { prefix: `${klines}币安人生USDT/1d/`, delimiter: '/' },
  { prefix: `${klines}BTC`, delimiter: '/' },
  { prefix: 'data/futures/um', delimiter: '/' },
  { prefix: '', delimiter: '/' },
  { prefix: klines, delimiter: '-', 'max-keys': '9' },
  { prefix: 'data/spot/monthly/klines/NOSUCHSYM/1h/', delimiter: '/' },
  { prefix: '<&"\'>', delimiter: '/', marker: 'a&b' },
];

/** S3 sends objects before common prefixes; the other server mixes them in key order. */
function parts(xml: string) {
  const entry = /<(Contents|CommonPrefixes)>.*?<\/\1>/g;
  const entries = xml.match(entry) ?? [];
  return {
    head: xml.replace(entry, ''),
    contents: entries.filter((text) => text.startsWith('<Contents>')),
    prefixes: entries.filter((text) => text.startsWith('<CommonPrefixes>')),
  };
}

const written = ['BTCUSDT/', '4USDT/', '币安人生USDT/'].map((symbol) => klines + symbol);

describeShared('the archive server and the independent one', () => {
  let ours: ArchiveServer;
  let generated: ArchiveServer;
  let theirs: VisionServer;

  beforeAll(async () => {
    const directory = await tempDir();
    for (const prefix of written) await writeArchive(below(sample, prefix), directory);
    ours = await serveStore(await createDirectoryStore(directory));
    generated = await serveStore(sample);
    theirs = await visionServer(directory);
  });
  afterAll(async () => {
    for (const server of [ours, generated, theirs]) await server?.[Symbol.asyncDispose]();
  });

  const get = async (server: { readonly url: string }, query: string) =>
    await (await fetch(`${server.url}/?${query}`)).text();

  test.each(pages)('return the same page for %o', async (parameters) => {
    const query = new URLSearchParams(parameters).toString();
    const expected = parts(await get(theirs, query));
    expect(parts(await get(ours, query))).toEqual(expected);
    // The sample has more symbols than the directory, so only pages within one of these can be compared.
    if (written.some((prefix) => parameters.prefix?.startsWith(prefix)))
      expect(parts(await get(generated, query))).toEqual(expected);
  });

  test('return identical bytes for a page that does not mix objects and common prefixes', async () => {
    const query = new URLSearchParams({ prefix: bitcoin, delimiter: '/', 'max-keys': '12' }).toString();
    expect(await get(ours, query)).toBe(await get(theirs, query));
  });

  test('return objects with the same status, body and headers', async () => {
    const headersOf = ({ headers }: Response) =>
      ['etag', 'last-modified', 'content-length', 'content-type'].map((name) => headers.get(name));
    const paths = [
      keyOf('daily', '币安人生USDT', '1d', '2025-06-20'),
      `${keyOf('daily', 'BTCUSDT', '1m', '2025-07-09')}.CHECKSUM`,
      keyOf('daily', 'BTCUSDT', '1d', '2035-01-01'),
      'data/../data',
      'data',
    ];
    for (const path of paths)
      for (const method of ['GET', 'HEAD']) {
        const answers = [theirs, ours, generated].map(async ({ url }) => {
          const response = await fetch(`${url}/${encodeURI(path)}`, { method });
          return [response.status, headersOf(response), await response.text()];
        });
        const [expected, ...others] = await Promise.all(answers);
        expect(others).toEqual([expected, expected]);
      }
  });
});
