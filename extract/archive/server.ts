import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { PipelineError, type Target } from '../../engine/index.ts';
import { createSampleStore } from '../sample/sample-store.ts';
import { createDirectoryStore, directoryOf } from './directory-store.ts';
import { type ListOptions, type ListPage, type ObjectStore, pageSize, type StreamedObject } from './store.ts';

export interface ArchiveServer extends AsyncDisposable {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly url: string;
}

export interface ServeOptions {
  /** By default, or if it is 0, a free port is used. */
  readonly port?: number;
  readonly host?: string;
  /** Closes the server. */
  readonly signal?: AbortSignal;
}

const xmlHead = '<?xml version="1.0" encoding="UTF-8"?>\n';
const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#x27;',
};
const escapeXml = (text: string): string => text.replace(/[&<>"']/g, (character) => escapes[character] ?? character);

/** Formats a page as S3's ListObjects v1 does, with ETags as `&quot;…&quot;`. */
function listingXml(options: ListOptions, { contents, commonPrefixes, truncated, nextMarker }: ListPage): string {
  const { prefix, marker, delimiter } = options;
  const next = nextMarker === undefined ? '' : `<NextMarker>${escapeXml(nextMarker)}</NextMarker>`;
  const head = `<Name>data.binance.vision</Name><Prefix>${escapeXml(prefix)}</Prefix><Marker>${escapeXml(marker)}</Marker><MaxKeys>${pageSize(options)}</MaxKeys><Delimiter>${escapeXml(delimiter)}</Delimiter><IsTruncated>${truncated}</IsTruncated>${next}`;
  const objects = contents.map(
    ({ key, size, etag, lastModified }) =>
      `<Contents><Key>${escapeXml(key)}</Key><LastModified>${lastModified.toISOString()}</LastModified><ETag>&quot;${etag}&quot;</ETag><Size>${size}</Size><StorageClass>STANDARD</StorageClass></Contents>`,
  );
  const prefixes = commonPrefixes.map((name) => `<CommonPrefixes><Prefix>${escapeXml(name)}</Prefix></CommonPrefixes>`);
  return `${xmlHead}<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${head}${objects.join('')}${prefixes.join('')}</ListBucketResult>`;
}

type Headers = Readonly<Record<string, string | number>>;

function send(response: ServerResponse, status: number, body: Buffer | string, headers: Headers = {}): void {
  response.writeHead(status, {
    'Content-Type': 'application/xml',
    'Content-Length': Buffer.byteLength(body),
    ...headers,
  });
  // Node omits the body in response to HEAD.
  response.end(body);
}

const sendError = (response: ServerResponse, status: number, code: string): void =>
  send(response, status, `${xmlHead}<Error><Code>${code}</Code></Error>`);

async function answerListing(store: ObjectStore, query: string, response: ServerResponse): Promise<void> {
  const parameters = new URLSearchParams(query);
  const text = (name: string): string => parameters.get(name) ?? '';
  const maxKeys = Number(text('max-keys') || 1_000);
  if (!Number.isSafeInteger(maxKeys)) return sendError(response, 400, 'InvalidArgument');
  const options = { prefix: text('prefix'), delimiter: text('delimiter'), marker: text('marker'), maxKeys };
  send(response, 200, listingXml(options, await store.list(options)));
}

async function answerObject(
  store: ObjectStore,
  key: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const large = await store.open?.(key);
  const object = large ?? (await store.read(key));
  if (!object) return sendError(response, 404, 'NoSuchKey');
  const headers = { ETag: `"${object.etag}"`, 'Last-Modified': object.lastModified.toUTCString() };
  if (request.headers['if-none-match']?.replaceAll('"', '') === object.etag) {
    response.writeHead(304, headers).end();
    return;
  }
  const typed = { 'Content-Type': key.endsWith('.zip') ? 'application/zip' : 'binary/octet-stream', ...headers };
  if ('body' in object) send(response, 200, object.body, typed);
  else await sendStream(request, response, object, typed);
}

async function sendStream(
  { method }: IncomingMessage,
  response: ServerResponse,
  { size, stream }: StreamedObject,
  headers: Headers,
): Promise<void> {
  response.writeHead(200, { 'Content-Length': size, ...headers });
  if (method === 'HEAD') return void response.end();
  await pipeline(stream(), wholeOrBroken(size), response);
}

/** Breaks the connection if a file has become shorter, instead of leaving its reader waiting. */
const wholeOrBroken = (size: number) =>
  async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let sent = 0;
    for await (const chunk of chunks) {
      sent += chunk.length;
      yield chunk;
    }
    if (sent !== size) throw new Error(`sent ${sent} bytes instead of ${size}`);
  };

async function answer(store: ObjectStore, request: IncomingMessage, response: ServerResponse): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') return sendError(response, 405, 'MethodNotAllowed');
  const [path = '', query = ''] = (request.url ?? '').split('?', 2);
  if (path === '/' || path === '/data.binance.vision') return await answerListing(store, query, response);
  let key: string;
  try {
    key = decodeURIComponent(path.slice(1));
  } catch {
    return sendError(response, 400, 'InvalidURI');
  }
  await answerObject(store, key, request, response);
}

/**
 * Serves a store in the protocol of the real archive, with objects and listings on one host:
 * `GET`/`HEAD /<key>` with ETag, Last-Modified and If-None-Match; `GET /?prefix=&delimiter=&marker=&max-keys=`.
 * Throws USAGE if it cannot listen on the port.
 */
export async function serveStore(
  store: ObjectStore,
  { port = 0, host = '127.0.0.1', signal }: ServeOptions = {},
): Promise<ArchiveServer> {
  signal?.throwIfAborted();
  const server = createServer({ noDelay: true, keepAlive: true, keepAliveTimeout: 60_000 }, (request, response) => {
    answer(store, request, response).catch(() => {
      if (response.headersSent) response.destroy();
      else sendError(response, 500, 'InternalError');
    });
  });
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new PipelineError('USAGE', `cannot listen on ${host}:${port}`, {
      hint: 'choose another port, or 0 for a free one',
      cause,
    });
  }
  const closed = once(server, 'close');
  const close = (): void => {
    server.close();
    server.closeAllConnections();
  };
  signal?.addEventListener('abort', close, { once: true });
  const { port: taken } = server.address() as AddressInfo;
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    async [Symbol.asyncDispose]() {
      signal?.removeEventListener('abort', close);
      close();
      await closed;
    },
  };
}

export interface OpenOptions {
  /** The run's clock, which decides what the sample has published. */
  readonly asOf: Date;
  /** Closes the server behind a sample or a directory. */
  readonly signal?: AbortSignal;
}

/** The name of the generated archive. */
const sample = 'sample';

/**
 * Opens the archive of a target.
 * @throws PipelineError CONFIG_INVALID if the target has none, or has the sample but is not marked synthetic (B27)
 */
export async function openTarget(target: Target, options: OpenOptions): Promise<ArchiveServer> {
  const { name, archive, synthetic } = target;
  const key = `targets.${name}`;
  if (archive === undefined) {
    throw new PipelineError('CONFIG_INVALID', `the target ${name} has no archive`, {
      key,
      hint: 'give it one in pipeline.yaml: `archive:` with a URL, a folder or `sample`',
    });
  }
  if (archive === sample && !synthetic) {
    throw new PipelineError('CONFIG_INVALID', `the archive \`${sample}\` is synthetic, but the target ${name} is not`, {
      key,
      hint: 'use the target `sample`, or write `synthetic: true` next to the archive in pipeline.yaml',
    });
  }
  return await openArchive(archive, options);
}

/**
 * Opens what a target's `archive` names as a URL for objects and listings. `sample` and directories are served by this
 * process until disposed of, and a URL is used as it is. Throws CONFIG_INVALID for anything else.
 */
export async function openArchive(archive: string, { asOf, signal }: OpenOptions): Promise<ArchiveServer> {
  if (/^https?:\/\//i.test(archive)) return { url: archive, [Symbol.asyncDispose]: async () => {} };
  const store =
    archive === sample ? createSampleStore({ asOf }) : await createDirectoryStore(await directoryOf(archive));
  return await serveStore(store, signal ? { signal } : {});
}
