import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Pool } from 'undici';
import { expect, test } from 'vitest';
import { createConnector } from '../../../extract/http/transport.ts';

/** Each byte of a body identifies the body and the position. */
const bodyOf = (id: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: 500 * id ** 2 }, (_, at) => (at * (id + 1)) % 251));
const answer: RequestListener = ({ url }, response) => response.end(bodyOf(Number(url?.slice(1))));

// With keys known to both sides no certificate is needed.
const ciphers = 'PSK-AES128-GCM-SHA256';
const psk = Buffer.alloc(16, 7);
const secret = { ciphers, maxVersion: 'TLSv1.2' } as const;

async function listen(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

/** The body as it came. Each chunk is copied while it is valid; if `waits`, another turn passes before the next. */
function get(pool: Pool, id: number, waits: boolean): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    pool.dispatch(
      { path: `/${id}`, method: 'GET' },
      {
        onRequestStart() {},
        onResponseStart() {},
        onResponseData(controller, chunk) {
          chunks.push(Buffer.from(chunk));
          if (!waits) return;
          controller.pause();
          setImmediate(() => controller.resume());
        },
        onResponseEnd: () => resolve(Buffer.concat(chunks)),
        onResponseError: (_, error) => reject(error),
      },
    );
  });
}

test.each([
  ['plain', false, () => createServer(answer), {}],
  ['plain, with a slow reader', true, () => createServer(answer), {}],
  [
    'encrypted',
    false,
    () => createTlsServer({ ...secret, pskCallback: () => psk }, answer),
    { ...secret, pskCallback: () => ({ psk, identity: 'test' }), checkServerIdentity: () => undefined },
  ],
])('bodies that share buffers arrive intact: %s', async (_what, waits, makeServer, settings) => {
  const server = makeServer();
  const port = await listen(server);
  const protocol = 'ciphers' in settings ? 'https' : 'http';
  const pool = new Pool(`${protocol}://127.0.0.1:${port}`, {
    ...{ connections: 3, allowH2: false },
    connect: createConnector({ ...settings, allowH2: false }),
  });
  try {
    const ids = Array.from({ length: 40 }, (_, id) => id % 25);
    const bodies = await Promise.all(ids.map((id) => get(pool, id, waits)));
    expect(bodies.map((body, at) => body.equals(bodyOf(ids[at] as number)))).toEqual(ids.map(() => true));
  } finally {
    await pool.destroy();
    server.close();
  }
});
