import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { PipelineError } from '../../engine/index.ts';
import { type ListOptions, type ListPage, type ObjectStore, pageSize, type StreamedObject } from './store.ts';

export interface ArchiveServer extends AsyncDisposable {
  /** `http://127.0.0.1:port`, without a slash at the end. */
  readonly url: string;
}

export interface ServeOptions {
  /** 0 or none takes a free one. */
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

/** A page as S3's ListObjects v1 writes it, ETags as `&quot;…&quot;`. */
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
  // Node sends no body in answer to HEAD.
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

/** A file that became shorter breaks the connection instead of leaving its reader to wait. */
const wholeOrBroken = (size: number) =>
  async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    let sent = 0;
    for await (const chunk of chunks) {
      sent += chunk.length;
      yield chunk;
    }
    if (sent !== size) throw new Error(`${sent} bytes came instead of ${size}`);
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
 * Serves a store in the protocol of the real archive, objects and listings on one host:
 * `GET`/`HEAD /<key>` with ETag, Last-Modified and If-None-Match; `GET /?prefix=&delimiter=&marker=&max-keys=`.
 * Throws USAGE when the port cannot be had.
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
