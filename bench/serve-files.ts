/** `node serve-files.ts DIR LATENCY_MS`: serves a folder if nginx is not available. Prints its URL. */
import { readFile } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pathOfKey } from '../extract/archive/directory-store.ts';

const [, , directory = '', latency = '0'] = process.argv;

const server = createServer({ noDelay: true, keepAliveTimeout: 60_000 }, (request, response) => {
  const path = pathOfKey(directory, decodeURIComponent((request.url ?? '/').slice(1)));
  setTimeout(() => {
    readFile(path ?? '', (error, body) => {
      response.writeHead(error ? 404 : 200, { 'Content-Length': error ? 0 : body.length });
      response.end(error ? undefined : body);
    });
  }, Number(latency));
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`));
