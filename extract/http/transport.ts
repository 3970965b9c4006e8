import { createRequire } from 'node:module';
import type { Socket } from 'node:net';
import type { buildConnector, EnvHttpProxyAgent, Pool } from 'undici';
import type { UrlAccess } from '../../engine/index.ts';

export interface TransportOptions {
  /** Connections per host. Further requests wait for a free one. */
  readonly connections: number;
  /** Aborts all current and later requests. */
  readonly signal: AbortSignal;
  /** Timeout in ms for establishing a connection. */
  readonly connectTimeout?: number;
  /** Timeout in ms for the headers of a response. */
  readonly headersTimeout?: number;
  /** Timeout in ms between two pieces of a body. */
  readonly bodyTimeout?: number;
  /** Bytes per second below which a response counts as stalled, once `bodyTimeout` has passed. */
  readonly slowestRate?: number;
  /** The environment with `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`. */
  readonly env?: NodeJS.ProcessEnv;
}

/**
 * Takes a body in pieces, each of which is valid until it returns. If it throws, the request fails with a `SinkError`.
 */
export type Sink = (chunk: Buffer) => void;

/** Wraps an error that a sink threw, as its cause, to distinguish it from network errors. */
export class SinkError extends Error {
  override readonly name = 'SinkError';
}

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Empty if a sink took it. */
  readonly body: Buffer;
}

export interface TransportRequest {
  /** The URL without secrets, which may be shown. */
  readonly url: URL;
  /** User, password and query, which are sent but never shown. */
  readonly access?: UrlAccess | undefined;
  /** The maximum number of bytes in a body. A larger one is aborted with an error. */
  readonly limit: number;
  /** Takes the body of a response with status 200. */
  readonly sink?: Sink;
  /** The `performance.now()` after which a body that is still arriving is aborted with an error. */
  readonly deadline?: number;
}

/** Makes single attempts at GET requests. It does not follow redirects, and reads or aborts every body. */
export interface Transport extends AsyncDisposable {
  get(request: TransportRequest): Promise<Answer>;
}

/** Loaded with the first connection: every command that checks the options of an extract loads this module. */
const undici = (): typeof import('undici') => createRequire(import.meta.url)('undici');

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/;
const proxyVariables = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'];
/** Bodies of other statuses are read up to this size, so that their connection can be reused. */
const refusalLimit = 64 * 1024;
/** The maximum number of interim responses (1xx) to one request. Each restarts undici's timeout for headers. */
const mostInterim = 32;

/**
 * Creates a transport with a pool of connections per host. It uses the proxy from the environment, except for loopback.
 * Aborting `signal` aborts all requests at once.
 */
export function createTransport(options: TransportOptions): Transport {
  const { connections, signal, connectTimeout = 10_000, headersTimeout = 30_000, bodyTimeout = 30_000 } = options;
  const { slowestRate = 1_000, env = process.env } = options;
  // HTTP/1.1 only: on a single HTTP/2 connection, one lost packet would delay all requests.
  const settings = { connections, pipelining: 1, allowH2: false, connectTimeout, headersTimeout, bodyTimeout };
  const pools = new Map<string, Pool | EnvHttpProxyAgent>();
  const proxied = proxyVariables.some((name) => Boolean(env[name]));

  function dispatcherFor(url: URL): Pool | EnvHttpProxyAgent {
    const direct = !proxied || loopback.test(url.hostname);
    const name = direct ? url.origin : 'proxy';
    let pool = pools.get(name);
    if (pool === undefined) {
      pool = direct
        ? new (undici().Pool)(url.origin, {
            ...settings,
            connect: createConnector({ timeout: connectTimeout, allowH2: false }),
          })
        : new (undici().EnvHttpProxyAgent)({ ...settings, ...proxiesOf(env) });
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
              return controller.abort(
                new Error(`received ${interim} interim responses (${statusCode}), but no final one`),
              );
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
              return controller.abort(new Error(`the body took too long and was aborted after ${size} bytes`));
            // The body timeout only detects silence, but a trickle is no better.
            const elapsed = now - started;
            if (elapsed > bodyTimeout && size < (elapsed / 1000) * slowestRate) {
              return controller.abort(new Error(`received only ${size} bytes in ${Math.round(elapsed / 1000)} s`));
            }
            if (sink === undefined || status !== 200) return void chunks.push(Buffer.from(chunk));
            try {
              sink(chunk);
            } catch (error) {
              controller.abort(new SinkError('the body could not be stored', { cause: error }));
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

/** Returns the path with the given query, if any, before the query of the URL. */
function pathOf({ pathname, search }: URL, given: string | undefined): string {
  return given === undefined ? pathname + search : `${pathname}?${[given, search.slice(1)].filter(Boolean).join('&')}`;
}

const headersOf = ({ authorization }: UrlAccess = {}) => ({
  'user-agent': 'klinehouse',
  ...(authorization !== undefined && { authorization }),
});

const tooLarge = (url: URL, size: number, limit: number) =>
  new Error(`${url.href} answers with ${size} bytes, but at most ${limit} are expected`);

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

/** Bytes to read at once, as Node itself does. */
const readSize = 64 * 1024;

/**
 * Creates connections that read into the same buffer again and again, so that a chunk is only valid until its handler
 * returns. Otherwise Node would allocate a buffer outside the heap for each read, which made V8 collect the whole heap
 * after every 250 archives of 70 KB.
 */
export function createConnector(settings: buildConnector.BuildOptions): buildConnector.connector {
  const { buildConnector } = undici();
  return (options, done) => {
    const buffer = Buffer.allocUnsafeSlow(readSize);
    let socket: Socket | null = null;
    const onread = {
      buffer,
      callback(size: number): boolean {
        socket?.push(buffer.subarray(0, size));
        // Pauses reading until undici asks for more, which it does when it has parsed this.
        return false;
      },
    };
    buildConnector({ ...settings, onread })(options, (...answer) => {
      [, socket] = answer;
      done(...answer);
    });
  };
}
