import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { createDirectoryStore } from '../../extract/archive/directory-store.ts';
import { serveStore } from '../../extract/archive/server.ts';
import { canUseShared } from './shared.ts';
import { visionServer } from './vision-server.ts';

export interface ServedArchive extends AsyncDisposable {
  readonly url: string;
  /** Must be called after files were added, removed or changed. */
  rescan(): Promise<void>;
  /** Paths with queries requested since the last call. */
  requests(): readonly string[];
}

type Answer = (response: ServerResponse) => void;

export const isListing = (path: string): boolean => /^\/(data\.binance\.vision)?\?/.test(path);

async function open(directory: string) {
  if (canUseShared) return visionServer(directory);
  return { ...(await serveStore(await createDirectoryStore(directory))), rescan: async () => {} };
}

/**
 * Serves a folder in the archive's layout, with the independent server of ../shared if it is there, otherwise with the
 * project's own. `answers` replace the files of their keys: a bucket that contradicts its own listing.
 */
export async function serveArchive(
  directory: string,
  { latencyMs = 0, answers = new Map() }: { latencyMs?: number; answers?: ReadonlyMap<string, Answer> } = {},
): Promise<ServedArchive> {
  const origin = await open(directory);
  let asked: string[] = [];

  async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = request.url ?? '/';
    asked.push(url);
    if (latencyMs > 0) await delay(latencyMs);
    const answer = answers.get(decodeURIComponent(url.split('?')[0] ?? '').slice(1));
    if (answer) return answer(response);
    const upstream = await fetch(`${origin.url}${url}`, { method: request.method ?? 'GET' });
    for (const name of ['content-type', 'content-length', 'etag', 'last-modified']) {
      const value = upstream.headers.get(name);
      if (value !== null) response.setHeader(name, value);
    }
    response.writeHead(upstream.status).end(Buffer.from(await upstream.arrayBuffer()));
  }
  const front = createServer((request, response) => {
    respond(request, response).catch((error) => response.destroy(error));
  });
  await new Promise<void>((resolve) => front.listen(0, '127.0.0.1', resolve));

  return {
    url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
    rescan: () => origin.rescan(),
    requests() {
      const seen = asked;
      asked = [];
      return seen;
    },
    async [Symbol.asyncDispose]() {
      front.closeAllConnections();
      await new Promise((resolve) => front.close(resolve));
      await origin[Symbol.asyncDispose]();
    },
  };
}
