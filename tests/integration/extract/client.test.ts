import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer, type Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { PipelineError } from '../../../engine/errors.ts';
import { type ClientOptions, createClient, type GetRequest, type Outcome } from '../../../extract/archive/client.ts';
import { reason } from '../../../extract/verify/reason.ts';

type Handler = (response: ServerResponse, request: IncomingMessage, count: number) => void;

/** A server that counts its requests. */
async function serve(handler: Handler) {
  let count = 0;
  const server = createServer((request, response) => handler(response, request, ++count));
  let sockets = 0;
  server.on('connection', () => sockets++);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    server,
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/object`),
    count: () => count,
    sockets: () => sockets,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const retry = { base: 1, longest: 5, patience: 0 };
const client = (options: Partial<ClientOptions> = {}) =>
  createClient({ connections: 4, signal: new AbortController().signal, retry, ...options });

/** Expects the body `good`; anything else may be better next time. */
const wantsGood = (url: URL, more: Partial<GetRequest<string>> = {}): GetRequest<string> => ({
  url,
  limit: 10_000,
  check: ({ body }) =>
    body.toString() === 'good'
      ? { kind: 'ok', value: 'good' }
      : { kind: 'again', reason: reason('md5_mismatch', `not good: ${body}`) },
  ...more,
});

async function ask(handler: Handler, options: Partial<ClientOptions> = {}, more: Partial<GetRequest<string>> = {}) {
  await using server = await serve(handler);
  await using it = client(options);
  const outcome: Outcome<string> = await it.get(wantsGood(server.url, more));
  return { outcome, requests: server.count(), stats: { ...it.stats } };
}

const codeOf = (outcome: Outcome<unknown>) => (outcome.kind === 'failed' ? outcome.failure.code : outcome.kind);

describe('A33: six failures in a row are outlasted', () => {
  const failing: Readonly<Record<string, (response: ServerResponse) => void>> = {
    'status 500': (response) => response.writeHead(500).end('broken'),
    'status 503': (response) => response.writeHead(503).end('busy'),
    'status 403': (response) => response.writeHead(403).end('denied'),
    'status 429': (response) => response.writeHead(429).end('slow down'),
    'a broken connection': (response) => response.socket?.destroy(),
    'a body that is cut': (response) => {
      response.writeHead(200, { 'content-length': 4 }).write('go');
      setTimeout(() => response.socket?.destroy(), 5);
    },
    'bad content, the same each time': (response) => response.end('<html>'),
    'a body that is too large': (response) => response.end('x'.repeat(20_000)),
    'a body that is too large, of unknown length': (response) => {
      response.write('x'.repeat(15_000));
      response.end('x'.repeat(15_000));
    },
    'no HTTP': (response) => response.socket?.end('nonsense\r\n\r\n'),
  };
  test.each(Object.entries(failing))('%s', async (_what, fail) => {
    const { outcome, requests, stats } = await ask((response, _, n) =>
      n <= 6 ? fail(response) : response.end('good'),
    );
    expect(outcome).toEqual({ kind: 'ok', value: 'good' });
    expect(requests).toBe(7);
    expect(stats).toMatchObject({ requests: 7, retries: 6 });
  });
});

describe('an answer that no retry changes is not requested again', () => {
  test('B11: 404 is an answer', async () => {
    const { outcome, requests } = await ask((response) => response.writeHead(404).end('gone'));
    expect(outcome).toEqual({ kind: 'absent' });
    expect(requests).toBe(1);
  });

  test.each([
    [401, /requires a user and a password, but the URL has none/, 1],
    [403, /refuses access/, 3],
    [407, /the proxy/, 1],
    [451, /legal/, 1],
  ])('%i is a refusal that says what it means', async (status, text, attempts) => {
    const policy = { retry: { ...retry, attempts: 3 } };
    const { outcome, requests } = await ask((response) => response.writeHead(status).end(), policy);
    expect(requests).toBe(attempts);
    expect(outcome).toMatchObject({ kind: 'failed', failure: { code: 'ARCHIVE_REFUSED', details: { status } } });
    if (outcome.kind === 'failed') expect(outcome.failure.message).toMatch(text);
  });

  test.each([
    [401, /does not accept the user and the password/],
    [403, /refuses access with the user and query of the URL/],
  ])('B34: %i to a URL with user and query says so, and shows neither', async (status, text) => {
    const access = { authorization: 'Basic c2VjcmV0', query: 'sig=secret' };
    const { outcome } = await ask((response) => response.writeHead(status).end(), { access });
    expect(outcome).toMatchObject({ failure: { code: 'ARCHIVE_REFUSED', message: expect.stringMatching(text) } });
    expect(JSON.stringify(outcome)).not.toMatch(/c2VjcmV0|sig=secret/);
  });

  test('B34: user and query are sent; a redirect on the same host gets the user and its own query', async () => {
    const asked: (string | undefined)[][] = [];
    const access = { authorization: 'Basic c2VjcmV0', query: 'sig=a%2Fb' };
    const { outcome } = await ask(
      (response, request) => {
        asked.push([request.url, request.headers.authorization]);
        if (request.url?.startsWith('/moved')) return response.end('good');
        return response.writeHead(301, { location: '/moved?sig=c' }).end();
      },
      { access },
    );
    expect(outcome.kind).toBe('ok');
    expect(asked).toEqual([
      ['/object?sig=a%2Fb', 'Basic c2VjcmV0'],
      ['/moved?sig=c', 'Basic c2VjcmV0'],
    ]);
  });

  test('any other status is a failure', async () => {
    const { outcome, requests } = await ask((response) => response.writeHead(400).end());
    expect([codeOf(outcome), requests]).toEqual(['ARCHIVE_RESPONSE', 1]);
  });

  test('a redirect to another host is refused', async () => {
    const { outcome, requests } = await ask((response) => {
      response.writeHead(302, { location: 'http://127.0.0.2:1/object' }).end();
    });
    expect([codeOf(outcome), requests]).toEqual(['ARCHIVE_RESPONSE', 1]);
    if (outcome.kind === 'failed') expect(outcome.failure.details.value).toBe('http://127.0.0.2:1/object');
  });

  test('a redirect on the same host is followed, but not forever', async () => {
    const once = await ask((response, request) =>
      request.url === '/object' ? response.writeHead(301, { location: '/moved' }).end() : response.end('good'),
    );
    expect(once.outcome.kind).toBe('ok');
    const loop = await ask((response) => response.writeHead(301, { location: '/object' }).end());
    expect(codeOf(loop.outcome)).toBe('ARCHIVE_RESPONSE');
    expect(loop.requests).toBeLessThan(10);
  });
});

describe('content that stays bad', () => {
  test.each([
    ['the same bytes come again and again', () => 'bad'],
    ['each answer is bad in a different way', (n: number) => `bad ${n}`],
  ])('B23: is a failure and not a verdict if %s', async (_what, body) => {
    const policy = { retry: { ...retry, attempts: 3 } };
    const { outcome, requests } = await ask((response, _, n) => response.end(body(n)), policy);
    expect(outcome).toMatchObject({
      kind: 'failed',
      reason: { code: 'md5_mismatch' },
      failure: { code: 'ARCHIVE_RESPONSE', message: `md5_mismatch: not good: ${body(3)}`, details: { attempt: 3 } },
    });
    expect(requests).toBe(3);
  });

  test('is a failure if the last attempts got no answer', async () => {
    const handler: Handler = (response, _, n) => (n <= 2 ? response.end('bad') : response.socket?.destroy());
    const { outcome } = await ask(handler, { retry: { ...retry, attempts: 3 } });
    expect(codeOf(outcome)).toBe('ARCHIVE_UNREACHABLE');
  });
});

test.each([true, false])('a body beyond its limit is cut off (with a content length: %s)', async (told) => {
  const body = 'x'.repeat(20_000);
  const handler: Handler = (response) => {
    if (told) response.setHeader('content-length', body.length);
    response.write(body.slice(0, 5_000));
    response.end(body.slice(5_000));
  };
  const { outcome } = await ask(handler, { retry: { ...retry, attempts: 2 } });
  expect(outcome).toMatchObject({ kind: 'failed', failure: { message: expect.stringContaining('at most 10000') } });
});

describe('A33: patience', () => {
  const patient = { retry: { ...retry, attempts: 2, patience: 400 } };

  test('outlasts a server that refuses connections while it restarts', async () => {
    const server = await serve((response) => response.end('good'));
    await server[Symbol.asyncDispose]();
    await using it = client({ retry: { ...patient.retry, patience: 20_000 } });
    const outcome = it.get(wantsGood(server.url));
    while (it.stats.retries < 10) await new Promise((resolve) => setTimeout(resolve, 5));
    const again = createServer((_request, response) => response.end('good'));
    again.listen(Number(server.url.port), '127.0.0.1');
    expect(await outcome).toEqual({ kind: 'ok', value: 'good' });
    again.closeAllConnections();
    again.close();
  });

  test('is not spent on wrong bytes', async () => {
    const { requests } = await ask((response) => response.end('bad'), patient);
    expect(requests).toBe(2);
  });

  test('with a host that is gone is lost once, not for every request', async () => {
    await using server = await serve((response) => response.writeHead(503).end());
    await using it = client(patient);
    await it.get(wantsGood(server.url));
    expect(server.count()).toBeGreaterThan(2);
    for (const before = server.count(); server.count() < before + 6; ) await it.get(wantsGood(server.url));
    expect(it.stats.retries).toBe(server.count() - 4);
  });
});

describe('A29: interim answers', () => {
  /** A raw server that answers "processing" this many times, or forever, and then answers. */
  async function processing(times: number) {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      let left = times;
      const more = () => {
        while (left-- > 0) if (!socket.write('HTTP/1.1 102 Processing\r\n\r\n')) return void socket.once('drain', more);
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood');
      };
      socket.once('data', more);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const close = () => server.close();
    return { url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`), [Symbol.dispose]: close };
  }
  const twice = { retry: { ...retry, attempts: 2 } };

  test('are waited through', async () => {
    using server = await processing(5);
    await using it = client(twice);
    expect(await it.get(wantsGood(server.url))).toEqual({ kind: 'ok', value: 'good' });
  });

  test('that never end are a failure', async () => {
    using server = await processing(Number.POSITIVE_INFINITY);
    await using it = client(twice);
    expect(await it.get(wantsGood(server.url))).toMatchObject({
      kind: 'failed',
      failure: { code: 'ARCHIVE_UNREACHABLE', message: expect.stringContaining('interim responses (102)') },
    });
  });
});

test('A29: a body that is still arriving after its deadline is cut off, and not requested again', async () => {
  const handler: Handler = (response) => {
    const timer = setInterval(() => response.write('x'.repeat(500)), 5);
    response.on('close', () => clearInterval(timer));
  };
  const { outcome, requests } = await ask(handler, {}, { limit: 1e9, deadline: performance.now() + 200 });
  expect(outcome).toMatchObject({ kind: 'failed', failure: { message: expect.stringContaining('took too long') } });
  expect(requests).toBe(1);
});

describe('a host that does not answer', () => {
  const twice = { retry: { ...retry, attempts: 2 } };

  test('at all is unreachable', async () => {
    const server = await serve(() => {});
    await server[Symbol.asyncDispose]();
    await using it = client(twice);
    const outcome = await it.get(wantsGood(server.url));
    expect(outcome).toMatchObject({
      kind: 'failed',
      failure: { code: 'ARCHIVE_UNREACHABLE', details: { attempt: 2 } },
    });
  });

  test.each<[string, Handler, Partial<ClientOptions>]>([
    ['with headers', () => {}, { headersTimeout: 100 }],
    [
      'with more of the body',
      (response) => void response.writeHead(200, { 'content-length': 9 }).write('go'),
      { bodyTimeout: 100 },
    ],
    [
      'faster than a trickle',
      (response) => {
        response.writeHead(200, { 'content-length': 5_000 });
        const timer = setInterval(() => response.write('x'), 30);
        response.on('close', () => clearInterval(timer));
      },
      { bodyTimeout: 200 },
    ],
  ])('%s does not stall the run', async (_what, handler, timeouts) => {
    const started = performance.now();
    const { outcome, requests } = await ask(handler, { ...twice, ...timeouts });
    expect([codeOf(outcome), requests]).toEqual(['ARCHIVE_UNREACHABLE', 2]);
    expect(performance.now() - started).toBeLessThan(8_000);
  });
});

test('Retry-After is obeyed', async () => {
  const started = performance.now();
  const { outcome } = await ask((response, _, n) =>
    n === 1 ? response.writeHead(503, { 'retry-after': '1' }).end() : response.end('good'),
  );
  expect(outcome.kind).toBe('ok');
  expect(performance.now() - started).toBeGreaterThan(900);
});

test('bodies of errors are read, so that connections are reused', async () => {
  await using server = await serve((response, _, n) =>
    n % 2 === 1 ? response.writeHead(500).end('x'.repeat(5_000)) : response.writeHead(404).end('x'.repeat(5_000)),
  );
  await using it = client({ connections: 2 });
  for (let i = 0; i < 20; i++) await it.get(wantsGood(server.url));
  expect(server.count()).toBe(40);
  expect(server.sockets()).toBeLessThanOrEqual(2);
});

test('an abort ends running requests, and those waiting for a retry, within a second', async () => {
  for (const handler of [() => {}, (response: ServerResponse) => response.writeHead(500).end()] satisfies Handler[]) {
    await using server = await serve(handler);
    const controller = new AbortController();
    await using it = client({ signal: controller.signal, retry: { base: 60_000, longest: 60_000, random: () => 1 } });
    const asked = Array.from({ length: 8 }, () => it.get(wantsGood(server.url)));
    setTimeout(() => controller.abort(), 100);
    const started = performance.now();
    for (const result of await Promise.allSettled(asked)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { name: 'AbortError' } });
    }
    expect(performance.now() - started).toBeLessThan(1_000);
    await expect(it.get(wantsGood(server.url))).rejects.toMatchObject({ name: 'AbortError' });
  }
});

test('a closed client does not retry', async () => {
  await using server = await serve((response) => response.writeHead(500).end());
  const it = client({ retry: { base: 60_000, longest: 60_000, random: () => 1 } });
  const asked = it.get(wantsGood(server.url));
  const outcome = expect(asked).rejects.toThrow('closed');
  while (server.count() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await it[Symbol.asyncDispose]();
  await outcome;
  expect(server.count()).toBe(1);
}, 5_000);

test('an error thrown by a sink ends the request without a retry', async () => {
  await using server = await serve((response) => response.end('good'));
  await using it = client();
  const error = new PipelineError('DISK_FULL', 'full');
  const openSink = () => () => {
    throw error;
  };
  await expect(it.get(wantsGood(server.url, { openSink }))).rejects.toBe(error);
  expect(server.count()).toBe(1);
});

describe('a proxy from the environment', () => {
  /** A proxy that forwards every host to `target`. */
  async function proxyTo(target: URL) {
    const asked: string[] = [];
    const proxy = await serve((response, request) => {
      asked.push(request.url ?? '');
      response.end('good');
    });
    proxy.server.on('connect', (request: IncomingMessage, socket: Socket) => {
      asked.push(request.url ?? '');
      const upstream = connect(Number(target.port), target.hostname, () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.pipe(upstream).pipe(socket);
      });
      for (const end of [socket, upstream]) end.on('error', () => {});
    });
    return { ...proxy, asked };
  }

  test('is honoured', async () => {
    await using server = await serve((response) => response.end('good'));
    await using proxy = await proxyTo(server.url);
    await using it = client({ env: { HTTP_PROXY: proxy.url.origin } });
    const outcome = await it.get(wantsGood(new URL('http://archive.invalid/object')));
    expect(outcome.kind).toBe('ok');
    expect(proxy.asked.join()).toContain('archive.invalid');
  });

  test('is not used for hosts in NO_PROXY, and never for loopback', async () => {
    await using server = await serve((response) => response.end('good'));
    await using proxy = await proxyTo(server.url);
    const env = { HTTP_PROXY: proxy.url.origin, NO_PROXY: 'archive.invalid' };
    await using it = client({ env, retry: { ...retry, attempts: 1 } });
    expect((await it.get(wantsGood(server.url))).kind).toBe('ok');
    expect(codeOf(await it.get(wantsGood(new URL('http://archive.invalid/object'))))).toBe('ARCHIVE_UNREACHABLE');
    expect(proxy.asked).toEqual([]);
  });
});
