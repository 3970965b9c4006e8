import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Gate extends AsyncDisposable {
  readonly host: string;
  /** The number of answers by status so far. */
  readonly statuses: Map<number, number>;
  /** Called first for each request; the gate does not answer if it returns true. */
  intercept: ((request: IncomingMessage, response: ServerResponse) => boolean) | undefined;
}

/**
 * A host in front of another: 401 without this user and password, 403 unless the URL's query starts with the right
 * text.
 */
export async function openGate(
  origin: string,
  { user, query }: { readonly user: string; readonly query: string },
): Promise<Gate> {
  const authorization = `Basic ${Buffer.from(user).toString('base64')}`;

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (gate.intercept?.(request, response)) return;
    const [path = '', search = ''] = (request.url ?? '').split('?', 2);
    const answer = (status: number) => {
      gate.statuses.set(status, (gate.statuses.get(status) ?? 0) + 1);
      response.writeHead(status);
    };
    if (request.headers.authorization !== authorization) {
      answer(401);
      return void response.end();
    }
    if (search !== query && !search.startsWith(`${query}&`)) {
      answer(403);
      return void response.end();
    }
    const rest = search.slice(query.length + 1);
    const upstream = await fetch(`${origin}${path.replace(/^\/base/, '') || '/'}${rest && `?${rest}`}`);
    for (const name of ['content-type', 'content-length', 'etag', 'last-modified']) {
      const value = upstream.headers.get(name);
      if (value !== null) response.setHeader(name, value);
    }
    answer(upstream.status);
    response.end(Buffer.from(await upstream.arrayBuffer()));
  }

  const server = createServer((request, response) => {
    respond(request, response).catch((error) => response.destroy(error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const gate: Gate = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    statuses: new Map(),
    intercept: undefined,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return gate;
}
