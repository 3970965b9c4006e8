import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createSocket } from 'node:net';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe } from 'vitest';
import { tempDir } from './temp.ts';

/** A server of S3 that checks signatures and knows conditional writes; .ci/servers installs it. */
const program = [
  ...(process.env.PATH ?? '').split(delimiter),
  join(homedir(), '.cache/klinehouse-servers'),
  join(homedir(), 'go/bin'),
]
  .map((folder) => join(folder, 'versitygw'))
  .find(existsSync);

/** A suite that needs the server; it is skipped where it is not installed, and its title says so. */
export const describeS3 = (title: string, suite: () => void): unknown =>
  describe.skipIf(program === undefined)(`${title} (needs versitygw: .ci/servers)`, suite);

const key = 'test-key';
const secret = 'test-secret/with+signs';
const bucket = 'public';

/** What happens to a request: undefined passes it on. */
export type Fate =
  | { readonly kind: 'answer'; readonly status: number; readonly body?: string }
  /** The server does it, but its answer is lost. */
  | { readonly kind: 'lose' }
  /** Half of the answer's body arrives. */
  | { readonly kind: 'cut' };

export interface S3Server extends AsyncDisposable {
  readonly env: Readonly<Record<string, string>>;
  readonly secret: string;
  /** `s3://bucket/prefix` */
  readonly address: string;
  /** The folder in which the server keeps the objects of the address. */
  readonly folder: string;
  /** Decides about each request before it is passed on. */
  fate: ((request: IncomingMessage) => Fate | undefined) | undefined;
}

async function freePort(): Promise<number> {
  const socket = createSocket().listen(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address() as AddressInfo;
  socket.close();
  await once(socket, 'close');
  return port;
}

/** Starts a server with an empty bucket, and a front before it that can make requests fail. */
export async function startS3(): Promise<S3Server> {
  const [directory, port] = [await tempDir('s3-'), await freePort()];
  await mkdir(join(directory, 'data', bucket), { recursive: true });
  const server = spawn(program as string, ['--port', `127.0.0.1:${port}`, 'posix', join(directory, 'data')], {
    env: { ...process.env, ROOT_ACCESS_KEY: key, ROOT_SECRET_KEY: secret },
    stdio: 'ignore',
  });
  const front = createServer((incoming, response) => pass(incoming, response, port));
  front.listen(0, '127.0.0.1');
  await once(front, 'listening');
  for (let left = 100; ; left--) {
    const answers = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    if (answers) break;
    if (left === 0 || server.exitCode !== null) throw new Error('versitygw does not answer');
    await sleep(100);
  }
  const s3: S3Server = {
    secret,
    env: {
      AWS_ACCESS_KEY_ID: key,
      AWS_SECRET_ACCESS_KEY: secret,
      AWS_ENDPOINT_URL: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
    },
    address: `s3://${bucket}/some/prefix`,
    folder: join(directory, 'data', bucket, 'some/prefix'),
    fate: undefined,
    async [Symbol.asyncDispose]() {
      front.closeAllConnections();
      front.close();
      server.kill('SIGKILL');
      await once(server, 'close');
    },
  };
  return s3;

  function pass(incoming: IncomingMessage, response: ServerResponse, to: number): void {
    const fate = s3.fate?.(incoming);
    if (fate?.kind === 'answer') {
      incoming.resume();
      response.writeHead(fate.status).end(fate.body ?? '');
      return;
    }
    const { method, url, headers } = incoming;
    const upstream = request({ host: '127.0.0.1', port: to, method, path: url, headers }, (answer) => {
      if (fate?.kind === 'lose') {
        answer.resume().on('end', () => response.destroy());
        return;
      }
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      if (fate?.kind !== 'cut') {
        answer.pipe(response);
        return;
      }
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => {
        const body = Buffer.concat(chunks);
        response.write(body.subarray(0, body.length / 2), () => response.destroy());
      });
    });
    upstream.on('error', () => response.destroy());
    incoming.pipe(upstream);
  }
}
