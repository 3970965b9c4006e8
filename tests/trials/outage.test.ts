import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { createDirectoryStore } from '../../extract/archive/directory-store.ts';
import { serveStore } from '../../extract/archive/server.ts';
import { smallArchive, writeSmallArchive } from '../support/archive.ts';
import { sha256Tree } from '../support/digest.ts';
import { impatientProject } from '../support/impatient-project.ts';
import { pipelineInProcess } from '../support/pipeline.ts';
import { expectExit, expectSameRows, publishedRows } from '../support/published.ts';
import { tempDir } from '../support/temp.ts';

/** Random numbers in [0, 1) that depend only on the seed. */
function randomOf(seed: number): () => number {
  let state = seed * 2_654_435_761;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    return ((state ^ (state >>> 13)) >>> 0) / 2 ** 32;
  };
}

type Fault = (response: ServerResponse, body: Buffer) => void;

const faults: readonly Fault[] = [
  (response) => response.end('<!DOCTYPE html><html><body>Service</body></html>'),
  (response) => response.end('<?xml version="1.0"?>\n<Error><Code>SlowDown</Code></Error>'),
  (response) => response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>'),
  (response) => response.writeHead(403).end('<Error><Code>AccessDenied</Code></Error>'),
  (response) => response.writeHead(503).end('<Error><Code>SlowDown</Code></Error>'),
  (response) => response.socket?.destroy(),
  // Truncated, with either the full content length or that of what is sent.
  (response, body) => {
    response.writeHead(200, { 'content-length': body.length }).write(body.subarray(0, body.length >> 1));
    response.socket?.end();
  },
  (response, body) => response.end(body.subarray(0, body.length >> 1)),
];

/** Decides what happens to a request, by its number. */
type Outage = (number: number) => Fault | undefined;

/** A server in front of the archive's that fails as told and can stop listening. */
async function serveFailing(origin: string) {
  let number = 0;
  let outage: Outage = () => undefined;
  let stopsAt = Number.POSITIVE_INFINITY;
  const front = createServer(async (request: IncomingMessage, response: ServerResponse) => {
    number++;
    if (number === stopsAt) stop();
    const upstream = await fetch(`${origin}${request.url}`);
    const body = Buffer.from(await upstream.arrayBuffer());
    const fault = outage(number);
    if (fault === undefined) response.writeHead(upstream.status).end(body);
    else fault(response, body);
  });
  const listen = (port: number) => new Promise<void>((resolve) => front.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = front.address() as AddressInfo;
  function stop(): void {
    front.close();
    front.closeAllConnections();
  }
  return {
    url: `http://127.0.0.1:${port}`,
    /** From request number `at` on, connections are refused. */
    fail(how: Outage, at = Number.POSITIVE_INFINITY) {
      [number, outage, stopsAt] = [0, how, at];
    },
    async heal() {
      [outage, stopsAt] = [() => undefined, Number.POSITIVE_INFINITY];
      if (!front.listening) await listen(port);
    },
    async [Symbol.asyncDispose]() {
      stop();
    },
  };
}

/**
 * An outage over a random part of a run of so many requests: some of them fail in some way, or the server stops
 * listening.
 */
function outageOf(seed: number, requests: number): { readonly how: Outage; readonly stopsAt?: number } {
  const random = randomOf(seed);
  const [from, length, share] = [random() * requests, (0.1 + random()) * requests, random() ** 2];
  if (seed % 5 === 0) return { how: () => undefined, stopsAt: Math.ceil(from) + 1 };
  const own = faults[seed % faults.length] as Fault;
  const how: Outage = (number) => {
    if (number < from || number > from + length || random() > share) return undefined;
    return random() < 0.5 ? own : faults[Math.floor(random() * faults.length)];
  };
  return { how };
}

describe('B23 A33: an outage over a random part of a run', () => {
  const symbols = smallArchive.symbols.slice(0, 3);
  const days = smallArchive.days.slice(-12); // across the end of June, which has monthly files too
  const vars = ['--vars', '{"availability_timeframe":"1d"}', '--as-of', smallArchive.asOf];
  let cwd: string;
  let directory: string;
  let undisturbed: { readonly files: object; readonly rows: Awaited<ReturnType<typeof publishedRows>> };

  const run = (dataDir: string, url: string, ...args: readonly string[]) =>
    pipelineInProcess(['run', '--target', 'mirror', ...vars, ...args], {
      cwd,
      dataDir,
      env: { PIPELINE_ARCHIVE_URL: url },
    });

  /** The digests of staged CSVs and exports. */
  async function filesOf(dataDir: string): Promise<object> {
    const staged = Object.entries(await sha256Tree(join(dataDir, 'mirror/staging')));
    const csvs = staged.filter(([path]) => path.endsWith('.csv') || path.startsWith('rejected/'));
    return { staged: Object.fromEntries(csvs), exports: await sha256Tree(join(dataDir, 'mirror/exports')) };
  }

  beforeAll(async () => {
    cwd = await impatientProject();
    ({ directory } = await writeSmallArchive(await tempDir('small-'), { symbols, days }));
    await using server = await serveStore(await createDirectoryStore(directory));
    const dataDir = await tempDir('undisturbed-');
    expectExit(await run(dataDir, server.url), 0);
    undisturbed = { files: await filesOf(dataDir), rows: await publishedRows(dataDir) };
  });

  // Each kind of fault as the leading one, two servers that stop, and both values of max_failed.
  test.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 13])(
    'leaves no trace after the next healthy run (seed %i)',
    async (seed) => {
      await using origin = await serveStore(await createDirectoryStore(directory));
      await using server = await serveFailing(origin.url);
      const dataDir = await tempDir('outage-');
      const { how, stopsAt } = outageOf(seed, 35);
      server.fail(how, stopsAt);
      const lax = seed % 2 === 0 ? ['--var', 'max_failed=1'] : [];
      const disturbed = await run(dataDir, server.url, ...lax);
      expect([0, 1]).toContain(disturbed.exitCode);
      await server.heal();
      expectExit(await run(dataDir, server.url), 0);
      expect(await filesOf(dataDir)).toEqual(undisturbed.files);
      await expectSameRows(dataDir, undisturbed.rows);
    },
  );
});
