import { once } from 'node:events';
import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ArchiveServer, serveStore } from '../../../extract/archive/server.ts';
import type { ObjectStore } from '../../../extract/archive/store.ts';
import { node } from '../../support/node-process.ts';
import { tempDir } from '../../support/temp.ts';
import { keyOf, sample } from '../../unit/sample/support.ts';

let server: ArchiveServer;
beforeAll(async () => {
  server = await serveStore(sample);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

const urlOf = (key: string): string => `${server.url}/${key.split('/').map(encodeURIComponent).join('/')}`;

test('an object comes with its ETag, time, length and type', async () => {
  const key = keyOf('daily', 'BTCUSDT', '1d', '2025-07-09');
  const object = await sample.read(key);
  const response = await fetch(urlOf(key));
  expect(response.status).toBe(200);
  expect(Buffer.from(await response.arrayBuffer()).equals(object?.body ?? Buffer.alloc(0))).toBe(true);
  expect(response.headers.get('etag')).toBe(`"${object?.etag}"`);
  expect(response.headers.get('last-modified')).toBe(object?.lastModified.toUTCString());
  expect(response.headers.get('content-length')).toBe(String(object?.body.length));
  expect(response.headers.get('content-type')).toBe('application/zip');
});

test('HEAD answers the same without a body', async () => {
  const key = keyOf('daily', 'BTCUSDT', '1d', '2025-07-09');
  const response = await fetch(urlOf(key), { method: 'HEAD' });
  expect(response.headers.get('content-length')).toBe(String((await sample.read(key))?.body.length));
  expect((await response.arrayBuffer()).byteLength).toBe(0);
});

test('a non-ASCII key is found by its percent-encoded URL (A22)', async () => {
  const key = `${keyOf('daily', '币安人生USDT', '1d', '2025-07-09')}.CHECKSUM`;
  const response = await fetch(urlOf(key));
  expect(await response.text()).toMatch(/^[0-9a-f]{64} {2}币安人生USDT-1d-2025-07-09\.zip$/);
  expect(response.headers.get('content-type')).toBe('binary/octet-stream');
});

test('If-None-Match with the ETag answers 304 without a body, with another one 200', async () => {
  const url = urlOf(keyOf('daily', 'BTCUSDT', '1d', '2025-07-09'));
  const etag = (await fetch(url, { method: 'HEAD' })).headers.get('etag') ?? '';
  const same = await fetch(url, { headers: { 'If-None-Match': etag } });
  expect([same.status, await same.text(), same.headers.get('etag')]).toEqual([304, '', etag]);
  const other = await fetch(url, { headers: { 'If-None-Match': '"0123"' } });
  expect([other.status, (await other.arrayBuffer()).byteLength > 0]).toEqual([200, true]);
});

test('what is not there answers 404 NoSuchKey, and a path that is no UTF-8 400', async () => {
  const missing = await fetch(`${server.url}/data/futures/um/daily/klines/NOUSDT/1d/NOUSDT-1d-2025-07-09.zip`);
  expect([missing.status, await missing.text()]).toEqual([404, expect.stringContaining('<Code>NoSuchKey</Code>')]);
  expect((await fetch(`${server.url}/data/%FF`)).status).toBe(400);
  expect((await fetch(`${server.url}/data`, { method: 'POST' })).status).toBe(405);
  expect((await fetch(`${server.url}/?max-keys=many`)).status).toBe(400);
});

test('a listing page is ListObjects v1 XML with escaped ETags, NextMarker only with a delimiter', async () => {
  const prefix = 'data/futures/um/monthly/klines/BTCUSDT/1d/';
  const listing = async (query: string) => await (await fetch(`${server.url}/?prefix=${prefix}&${query}`)).text();
  const page = await listing('delimiter=/&max-keys=2');
  const first = (await sample.list({ prefix, delimiter: '', marker: '', maxKeys: 1 })).contents[0];
  expect(
    page.startsWith('<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com'),
  ).toBe(true);
  expect(page).toContain(
    `<Contents><Key>${first?.key}</Key><LastModified>${first?.lastModified.toISOString()}</LastModified>` +
      `<ETag>&quot;${first?.etag}&quot;</ETag><Size>${first?.size}</Size><StorageClass>STANDARD</StorageClass></Contents>`,
  );
  expect(page).toContain(`<IsTruncated>true</IsTruncated><NextMarker>${first?.key}.CHECKSUM</NextMarker>`);
  expect(await listing('max-keys=2')).not.toContain('NextMarker');
  expect(await (await fetch(`${server.url}/?prefix=data/option/`)).text()).toContain(
    '<IsTruncated>false</IsTruncated></L',
  );
});

test('a prefix that is XML is escaped, not markup', async () => {
  const text = await (await fetch(`${server.url}/?prefix=${encodeURIComponent(`<a>&"'`)}`)).text();
  expect(text).toContain('<Prefix>&lt;a&gt;&amp;&quot;&#x27;</Prefix>');
});

test('one connection serves many requests', async () => {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  const path = `/${keyOf('daily', 'BTCUSDT', '1d', '2025-07-09')}`;
  for (let i = 0; i < 50; i++) {
    const request = httpRequest({ path, createConnection: () => socket, headers: { Connection: 'keep-alive' } }).end();
    const [response] = await once(request, 'response');
    response.resume();
    await once(response, 'end');
    expect(response.statusCode).toBe(200);
  }
  socket.destroy();
});

test('a store that fails answers 500, and the server goes on', async () => {
  let fails = true;
  const broken: ObjectStore = {
    list: (options) => sample.list(options),
    read: (key) => (fails ? Promise.reject(new Error('disk on fire')) : sample.read(key)),
  };
  await using other = await serveStore(broken);
  const url = `${other.url}/${keyOf('daily', 'BTCUSDT', '1d', '2025-07-09')}`;
  expect((await fetch(url)).status).toBe(500);
  fails = false;
  expect((await fetch(url)).status).toBe(200);
});

describe('an object that is opened', () => {
  const size = 64 * 1024 * 1024;
  const key = 'data/spot/large.zip';
  const openedStore = (stream: () => Readable): ObjectStore => ({
    list: (options) => sample.list(options),
    read: async () => undefined,
    open: async (asked) => (asked === key ? { size, etag: 'e', lastModified: new Date(0), stream } : undefined),
  });
  const filled = (length: number) => () =>
    Readable.from(
      (function* () {
        for (let left = length; left > 0; left -= 65_536) yield Buffer.alloc(65_536, 1);
      })(),
    );

  test('comes whole, with the headers of any other', async () => {
    await using other = await serveStore(openedStore(filled(size)));
    const response = await fetch(`${other.url}/${key}`);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      ...{ 'content-length': String(size), 'content-type': 'application/zip', etag: '"e"' },
    });
    expect((await response.arrayBuffer()).byteLength).toBe(size);
    const head = await fetch(`${other.url}/${key}`, { method: 'HEAD' });
    expect([head.headers.get('content-length'), await head.text()]).toEqual([String(size), '']);
    expect((await fetch(`${other.url}/${key}`, { headers: { 'If-None-Match': '"e"' } })).status).toBe(304);
    expect((await fetch(`${other.url}/data/spot/other.zip`)).status).toBe(404);
  });

  test('breaks the connection where it ends early', async () => {
    await using other = await serveStore(openedStore(filled(size / 2)));
    const response = await fetch(`${other.url}/${key}`);
    await expect(response.arrayBuffer()).rejects.toThrow();
  });

  // In a process of its own, where nothing but the server allocates.
  test('is not in memory while its reader waits', async () => {
    const root = await tempDir();
    await mkdir(join(root, 'data/spot'), { recursive: true });
    await writeFile(join(root, key), '');
    await truncate(join(root, key), size);
    const child = node(serverThatWeighsItself, { args: [root] });
    const controller = new AbortController();
    try {
      const lines = createInterface({ input: child.stdout as Readable })[Symbol.asyncIterator]();
      const url = `${(await lines.next()).value}/${key}`;
      const weigh = async (): Promise<number> => {
        child.stdin?.write('weigh\n');
        return Number((await lines.next()).value);
      };
      const before = await weigh();
      const waiting = await Promise.all([1, 2, 3].map(() => fetch(url, { signal: controller.signal })));
      expect(waiting.map(({ status }) => status)).toEqual([200, 200, 200]);
      // While these three wait, another reader gets all of it: time enough to read ahead of them.
      expect((await (await fetch(url)).arrayBuffer()).byteLength).toBe(size);
      expect((await weigh()) - before).toBeLessThan(size / 4);
    } finally {
      controller.abort();
      child.kill();
    }
  }, 60_000);
});

/** Serves the folder in its argument, prints its URL, and answers each line with the bytes that its buffers hold. */
const serverThatWeighsItself = `
  import { createInterface } from 'node:readline';
  import { setFlagsFromString } from 'node:v8';
  import { runInNewContext } from 'node:vm';
  import { createDirectoryStore } from './extract/archive/directory-store.ts';
  import { serveStore } from './extract/archive/server.ts';
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc');
  const server = await serveStore(await createDirectoryStore(process.argv[1]));
  console.log(server.url);
  createInterface({ input: process.stdin }).on('line', () => {
    gc();
    console.log(process.memoryUsage().arrayBuffers);
  });
`;

test('an aborted signal closes the server; a taken port is an error that names it', async () => {
  const controller = new AbortController();
  const other = await serveStore(sample, { signal: controller.signal });
  expect((await fetch(`${other.url}/?prefix=none`)).status).toBe(200);
  const port = Number(new URL(other.url).port);
  await expect(serveStore(sample, { port })).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringContaining(`:${port}`),
  });
  controller.abort();
  await other[Symbol.asyncDispose]();
  await expect(fetch(`${other.url}/?prefix=none`)).rejects.toThrow();
});
