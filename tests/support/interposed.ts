import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

export interface Interposed extends AsyncDisposable {
  readonly url: string;
}

/** Stands before a server and answers some object keys by itself, as a bucket that contradicts its own listing would. */
export async function interpose(origin: string, answers: ReadonlyMap<string, Answer>): Promise<Interposed> {
  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const upstream = await fetch(new URL(request.url ?? '/', origin), { method: request.method ?? 'GET' });
    const headers = ['content-type', 'content-length', 'etag', 'last-modified'].flatMap((name) => {
      const value = upstream.headers.get(name);
      return value === null ? [] : [[name, value] as const];
    });
    response.writeHead(upstream.status, Object.fromEntries(headers));
    response.end(Buffer.from(await upstream.arrayBuffer()));
  }
  const server = createServer((request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const answer = answers.get(decodeURIComponent(path).slice(1));
    if (answer) answer(request, response);
    else pass(request, response).catch((error) => response.destroy(error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
