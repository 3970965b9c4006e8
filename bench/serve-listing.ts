/**
 * `node serve-listing.ts INDEX LATENCY_MS`: answers listings of an index in the archive's protocol, from memory after
 * the first request. `GET /asked` returns the paths requested since the last such request. Prints its URL.
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { serveStore } from '../extract/archive/server.ts';
import { type ListedObject, pageOf } from '../extract/archive/store.ts';

const [, , index = '', latency = '0'] = process.argv;

const objects = new Map<string, ListedObject>();
for (const line of readFileSync(index, 'utf8').split('\n')) {
  const [key = '', size, etag = '', published = ''] = line.split('\t');
  if (key !== '') objects.set(key, { key, size: Number(size), etag, lastModified: new Date(published) });
}
const keys = [...objects.keys()];
const inner = await serveStore({
  async list(options) {
    const { keys: onPage, ...page } = pageOf(keys, options);
    return { contents: onPage.flatMap((key) => objects.get(key) ?? []), ...page };
  },
  read: async () => undefined,
});

const pages = new Map<string, Promise<Buffer>>();
let asked: string[] = [];

async function pageAt(path: string): Promise<Buffer> {
  const answer = await fetch(`${inner.url}${path}`);
  return Buffer.from(await answer.arrayBuffer());
}

const server = createServer({ noDelay: true, keepAliveTimeout: 60_000 }, async (request, response) => {
  const path = request.url ?? '/';
  if (path === '/asked') {
    response.end(JSON.stringify(asked));
    asked = [];
    return;
  }
  asked.push(path);
  const made = pages.get(path) ?? pageAt(path);
  pages.set(path, made);
  const body = await made;
  setTimeout(() => {
    response.writeHead(200, { 'Content-Type': 'application/xml', 'Content-Length': body.length });
    response.end(body);
  }, Number(latency));
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
