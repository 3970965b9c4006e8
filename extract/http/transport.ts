import type { Socket } from 'node:net';
import { buildConnector, EnvHttpProxyAgent, Pool } from 'undici';
import type { UrlAccess } from '../../engine/index.ts';

export interface TransportOptions {
  /** Connections a host; further requests wait for one. */
  readonly connections: number;
  /** Ends everything under way and everything asked later. */
  readonly signal: AbortSignal;
  /** ms until a connection stands. */
  readonly connectTimeout?: number;
  /** ms until the headers of an answer are there. */
  readonly headersTimeout?: number;
  /** ms between two pieces of a body. */
  readonly bodyTimeout?: number;
  /** Bytes a second below which an answer counts as stalled, once `bodyTimeout` has passed. */
  readonly slowestRate?: number;
  /** Environment with `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`. */
  readonly env?: NodeJS.ProcessEnv;
}

/** Takes a body piece by piece, each good until it returns; what it throws ends the request with a `SinkError`. */
export type Sink = (chunk: Buffer) => void;

/** Tells what a sink threw, as its cause, from what the network does. */
export class SinkError extends Error {
  override readonly name = 'SinkError';
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Empty where a sink took it. */
  readonly body: Buffer;
}

export interface TransportRequest {
  /** As it may be shown. */
  readonly url: URL;
  /** User, password and query: sent, and never shown. */
  readonly access?: UrlAccess | undefined;
  /** The most bytes a body may have; one that has more is cut off with an error. */
  readonly limit: number;
  /** Takes the body of an answer with status 200. */
  readonly sink?: Sink;
  /** `performance.now()` after which a body that still comes is cut off with an error. */
  readonly deadline?: number;
}

/** One attempt at one GET. Follows no redirect; every body is read to its end or cut off. */
export interface Transport extends AsyncDisposable {
  get(request: TransportRequest): Promise<Answer>;
}

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
const proxyVariables = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'];
/** Bodies of refusals are read so that their connection can be used again, up to this size. */
const refusalLimit = 64 * 1024;
/** Interim answers (1xx) to one request; each of them makes undici wait for the headers anew. */
const mostInterim = 32;

/**
 * A pool of connections per host. A proxy from the environment is honoured, but never for loopback.
 * Aborting `signal` breaks off whatever is under way at once.
 */
export function createTransport(options: TransportOptions): Transport {
  const { connections, signal, connectTimeout = 10_000, headersTimeout = 30_000, bodyTimeout = 30_000 } = options;
  const { slowestRate = 1_000, env = process.env } = options;
  // HTTP/1.1 throughout: one HTTP/2 connection would put all requests behind one lost packet.
  const settings = { connections, pipelining: 1, allowH2: false, connectTimeout, headersTimeout, bodyTimeout };
  const connect = createConnector({ timeout: connectTimeout, allowH2: false });
  const pools = new Map<string, Pool | EnvHttpProxyAgent>();
  const proxied = proxyVariables.some((name) => Boolean(env[name]));

  function dispatcherFor(url: URL): Pool | EnvHttpProxyAgent {
    const direct = !proxied || loopback.test(url.hostname);
    const name = direct ? url.origin : 'proxy';
    let pool = pools.get(name);
    if (pool === undefined) {
      pool = direct
        ? new Pool(url.origin, { ...settings, connect })
        : new EnvHttpProxyAgent({ ...settings, ...proxiesOf(env) });
      pools.set(name, pool);
    }
    return pool;
  }

  async function destroy(reason: Error | null): Promise<void> {
    await Promise.all([...pools.values()].map((pool) => pool.destroy(reason)));
  }
  const abort = () => void destroy(signal.reason instanceof Error ? signal.reason : new Error('aborted'));
  signal.addEventListener('abort', abort, { once: true });

  function get({ url, access, limit, sink, deadline = Number.POSITIVE_INFINITY }: TransportRequest): Promise<Answer> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const chunks: Buffer[] = [];
      let status = 0;
      let headers: Answer['headers'] = {};
      let size = 0;
      let started = 0;
      let interim = 0;
      dispatcherFor(url).dispatch(
        { origin: url.origin, path: pathOf(url, access?.query), method: 'GET', headers: headersOf(access) },
        {
          onRequestStart() {
            started = performance.now();
          },
          onResponseStart(controller, statusCode, responseHeaders) {
            if (statusCode < 200) {
              const elapsed = performance.now() - started;
              if (++interim <= mostInterim && elapsed <= headersTimeout) return;
              return controller.abort(new Error(`${interim} interim answers (${statusCode}) and no other came`));
            }
            status = statusCode;
            headers = responseHeaders;
            started = performance.now();
            const length = Number(responseHeaders['content-length'] ?? 0);
            if (length > (status === 200 ? limit : refusalLimit)) controller.abort(tooLarge(url, length, limit));
          },
          onResponseData(controller, chunk) {
            size += chunk.length;
            if (size > (status === 200 ? limit : refusalLimit)) return controller.abort(tooLarge(url, size, limit));
            const now = performance.now();
            if (now > deadline)
              return controller.abort(new Error(`the body is cut off after ${size} bytes: it takes too long`));
            // The body timeout sees silence only; a trickle is as good as silence.
            const elapsed = now - started;
            if (elapsed > bodyTimeout && size < (elapsed / 1000) * slowestRate) {
              return controller.abort(new Error(`only ${size} bytes came in ${Math.round(elapsed / 1000)} s`));
            }
            if (sink === undefined || status !== 200) return void chunks.push(Buffer.from(chunk));
            try {
              sink(chunk);
            } catch (error) {
              controller.abort(new SinkError('the body cannot be taken', { cause: error }));
            }
          },
          onResponseEnd() {
            const body = chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks);
            resolve({ status, headers, body });
          },
          onResponseError(_controller, error) {
            reject(error);
          },
        },
      );
    });
  }

  return {
    get,
    async [Symbol.asyncDispose]() {
      signal.removeEventListener('abort', abort);
      await destroy(null);
    },
  };
}

/** The query of the URL after that which was given. */
function pathOf({ pathname, search }: URL, given: string | undefined): string {
  return given === undefined ? pathname + search : `${pathname}?${[given, search.slice(1)].filter(Boolean).join('&')}`;
}

const headersOf = ({ authorization }: UrlAccess = {}) => ({
  'user-agent': 'klinehouse',
  ...(authorization !== undefined && { authorization }),
});

const tooLarge = (url: URL, size: number, limit: number) =>
  new Error(`${url.href} answers with ${size} bytes where ${limit} at most are expected`);

function proxiesOf(env: NodeJS.ProcessEnv) {
  const httpProxy = env.http_proxy || env.HTTP_PROXY;
  const httpsProxy = env.https_proxy || env.HTTPS_PROXY;
  const noProxy = env.no_proxy ?? env.NO_PROXY;
  return {
    ...(httpProxy ? { httpProxy } : {}),
    ...(httpsProxy ? { httpsProxy } : {}),
    ...(noProxy === undefined ? {} : { noProxy }),
  };
}

/** Bytes; what Node takes itself for a read. */
const readSize = 64 * 1024;

/**
 * Connections that read into one buffer again and again: a chunk of an answer is good until the handler that is given it
 * returns. Node makes a buffer for each read otherwise, memory outside of the heap, and so much of it made V8 look through
 * the whole heap after every 250 archives of 70 KB.
 */
export function createConnector(settings: buildConnector.BuildOptions): buildConnector.connector {
  return (options, done) => {
    const buffer = Buffer.allocUnsafeSlow(readSize);
    let socket: Socket | null = null;
    const onread = {
      buffer,
      callback(size: number): boolean {
        socket?.push(buffer.subarray(0, size));
        // Nothing more is read until undici asks for it, which it does when it parses this.
        return false;
      },
    };
    buildConnector({ ...settings, onread })(options, (...answer) => {
      [, socket] = answer;
      done(...answer);
    });
  };
}
