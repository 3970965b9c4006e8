import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { header } from '../../support/archive.ts';
import { zipOf } from '../../support/zip.ts';

interface Stored {
  readonly body: Buffer;
  readonly etag: string;
  readonly lastModified: string;
}

/** Answers instead of the bucket and returns true, or leaves the request to it. */
export type Intercept = (request: IncomingMessage, response: ServerResponse, path: string) => boolean;

/** A bucket in memory that lists and serves like the real one, and misbehaves when told to. */
export interface Bucket extends AsyncDisposable {
  readonly url: string;
  put(key: string, body: string | Uint8Array, more?: { readonly etag?: string; readonly lastModified?: string }): void;
  /** Puts an archive of these rows with its CHECKSUM; returns the zip. */
  putArchive(key: string, rows: readonly string[], more?: { readonly etag?: string }): Buffer;
  remove(key: string): void;
  intercept: Intercept | undefined;
  /** Entries per page. */
  pageSize: number;
  /** Decoded paths and queries requested since the last call. */
  requests(): readonly string[];
  readonly connections: number;
}

const md5 = (body: Uint8Array) => createHash('md5').update(body).digest('hex');
const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

export async function openBucket(): Promise<Bucket> {
  const objects = new Map<string, Stored>();
  let asked: string[] = [];
  let connections = 0;

  function page(query: URLSearchParams): string {
    const [prefix, marker] = [query.get('prefix') ?? '', query.get('marker') ?? ''];
    const names = new Map<string, Stored | undefined>();
    for (const [key, object] of objects) {
      if (!key.startsWith(prefix)) continue;
      const slash = key.indexOf('/', prefix.length);
      if (slash < 0) names.set(key, object);
      else names.set(key.slice(0, slash + 1), undefined);
    }
    const after = [...names.keys()]
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .filter((name) => Buffer.compare(Buffer.from(name), Buffer.from(marker)) > 0);
    const entries = after.slice(0, bucket.pageSize).map((name) => {
      const object = names.get(name);
      if (object === undefined) return `<CommonPrefixes><Prefix>${escaped(name)}</Prefix></CommonPrefixes>`;
      const { body, etag, lastModified } = object;
      return `<Contents><Key>${escaped(name)}</Key><LastModified>${lastModified}</LastModified><ETag>&quot;${etag}&quot;</ETag><Size>${body.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
    });
    const truncated = after.length > bucket.pageSize;
    const next = truncated ? `<NextMarker>${escaped(after[bucket.pageSize - 1] as string)}</NextMarker>` : '';
    const head = `<Name>bucket</Name><Prefix>${escaped(prefix)}</Prefix><Marker>${escaped(marker)}</Marker><IsTruncated>${truncated}</IsTruncated>${next}`;
    return `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${head}${entries.join('')}</ListBucketResult>`;
  }

  const server = createServer((request, response) => {
    const { pathname, search, searchParams } = new URL(request.url ?? '/', 'http://bucket');
    const path = decodeURIComponent(pathname.slice(1)) + decodeURIComponent(search);
    asked.push(path);
    if (bucket.intercept?.(request, response, path)) return;
    if (pathname === '/') return void response.end(page(searchParams));
    const object = objects.get(path);
    if (object === undefined) return void response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>');
    response.setHeader('etag', `"${object.etag}"`);
    response.setHeader('content-length', object.body.length);
    response.end(object.body);
  });
  server.on('connection', () => connections++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const bucket: Bucket = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    put(key, body, { etag, lastModified = '2025-07-09T08:35:00.000Z' } = {}) {
      const bytes = Buffer.from(body as string);
      objects.set(key, { body: bytes, etag: etag ?? md5(bytes), lastModified });
    },
    putArchive(key, rows, more) {
      const name = key.slice(key.lastIndexOf('/') + 1);
      const zip = zipOf(name.replace(/zip$/, 'csv'), `${[header, ...rows].join('\n')}\n`);
      bucket.put(key, zip, more);
      bucket.put(`${key}.CHECKSUM`, `${createHash('sha256').update(zip).digest('hex')}  ${name}`);
      return zip;
    },
    remove: (key) => void objects.delete(key),
    intercept: undefined,
    pageSize: 1000,
    requests() {
      const seen = asked;
      asked = [];
      return seen;
    },
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return bucket;
}
