import { hash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { PipelineError } from '../errors.ts';
import { machineFault } from '../machine-fault.ts';
import { type BucketAnswer, encodeKey, openBucketClient, type TransferPolicy, usualPolicy } from './s3-client.ts';
import { blocked, type LocalFile, type Store, type StoreOptions } from './store.ts';
import { transferAll } from './transfer.ts';

const types: Readonly<Record<string, string>> = {
  '.json': 'application/json',
  '.md': 'text/markdown; charset=utf-8',
  '.gz': 'application/gzip',
  '.parquet': 'application/vnd.apache.parquet',
};
/** The files of a version never change. */
const forever = 'public, max-age=31536000, immutable';
const digestHeader = 'x-amz-meta-sha256';

const headersOf = (name: string, body: Uint8Array): Record<string, string> => ({
  'content-type': types[path.posix.extname(name)] ?? 'application/octet-stream',
  // Signed, so that the service checks what arrives.
  'x-amz-content-sha256': hash('sha256', body),
});

const nothing = ({ body }: BucketAnswer): Promise<void> => body.dump();

const statusOf = async ({ status, body }: BucketAnswer): Promise<number> => {
  await body.dump();
  return status;
};

/** Publications in a bucket of an S3-compatible service that knows conditional writes. */
export function openBucket(
  address: string,
  { env, signal }: StoreOptions,
  policy: TransferPolicy = usualPolicy,
): Store {
  const [, bucket, folder = ''] = /^s3:\/\/([^/?#]+)(?:\/([^?#]*))?$/i.exec(address) ?? [];
  if (bucket === undefined) {
    throw new PipelineError('USAGE', `${address} is not the address of a bucket`, {
      value: address,
      hint: 'write it as s3://bucket/prefix',
    });
  }
  const prefix = folder.replace(/\/*$/, (slashes) => (folder.length > slashes.length ? '/' : ''));
  const client = openBucketClient(bucket, { address, env, signal, policy });
  const keyOf = (name: string) => `${prefix}${name}`;

  /** Returns the digest and the size of a stored file; undefined if there is none. */
  const look = (name: string) =>
    client.send({ method: 'HEAD', key: keyOf(name), expected: [404] }, async ({ status, header, body }) => {
      await body.dump();
      return status === 404 ? undefined : { sha256: header(digestHeader), size: Number(header('content-length')) };
    });

  /** True if the file is there already. @throws PipelineError PUBLICATION_BLOCKED if another one is */
  async function isThere(name: string, { sha256, size }: Pick<LocalFile, 'sha256' | 'size'>): Promise<boolean> {
    const known = await look(name);
    if (known === undefined) return false;
    if (known.sha256 === sha256 && known.size === size) return true;
    throw blocked(name, address);
  }

  async function add(name: string, local: LocalFile): Promise<void> {
    if (await isThere(name, local)) return;
    if (local.size > policy.partSize) return addInParts(name, local);
    const body = Uint8Array.from(await readFile(local.file));
    const headers = { ...headersOf(name, body), 'cache-control': forever, [digestHeader]: local.sha256 };
    const status = await client.send(
      { method: 'PUT', key: keyOf(name), headers: { ...headers, 'if-none-match': '*' }, body, expected: [412] },
      statusOf,
    );
    // Another publisher was faster, or the answer to an earlier attempt was lost.
    if (status === 412 && !(await isThere(name, local))) throw blocked(name, address);
  }

  async function addInParts(name: string, local: LocalFile): Promise<void> {
    const key = keyOf(name);
    const { 'content-type': type = '' } = headersOf(name, new Uint8Array());
    const headers = { 'content-type': type, 'cache-control': forever, [digestHeader]: local.sha256 };
    const uploadId = await client.send({ method: 'POST', key, query: { uploads: '' }, headers }, async ({ body }) => {
      const id = /<UploadId>([^<]+)<\/UploadId>/.exec(await body.text())?.[1];
      if (id === undefined) throw new Error('the service has not begun an upload in parts');
      return id;
    });
    try {
      await using handle = await open(local.file);
      const parts: string[] = [];
      for (let at = 0; at < local.size; at += policy.partSize) {
        const body = new Uint8Array(Math.min(policy.partSize, local.size - at));
        for (let got = 0; got < body.length; ) {
          const { bytesRead } = await handle.read(body, got, body.length - got, at + got);
          if (bytesRead === 0) throw new Error(`${local.file} has become shorter`);
          got += bytesRead;
        }
        const query = { partNumber: String(parts.length + 1), uploadId };
        const sums = { 'x-amz-content-sha256': hash('sha256', body) };
        parts.push(
          await client.send({ method: 'PUT', key, query, headers: sums, body }, async (answer) => {
            await answer.body.dump();
            return answer.header('etag') ?? '';
          }),
        );
      }
      const list = parts.map((etag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${etag}</ETag></Part>`);
      const body = Uint8Array.from(Buffer.from(`<CompleteMultipartUpload>${list.join('')}</CompleteMultipartUpload>`));
      await client.send(
        {
          ...{ method: 'POST', key, query: { uploadId }, body, expected: [404, 412] },
          headers: { 'if-none-match': '*', 'x-amz-content-sha256': hash('sha256', body) },
        },
        expectNoError,
      );
      if (!(await isThere(name, local))) throw blocked(name, address);
    } catch (error) {
      const abort = { method: 'DELETE', key, query: { uploadId }, expected: [404] } as const;
      await client.send(abort, nothing).catch(() => {}); // the error of the upload is the one to report
      throw error;
    }
  }

  async function fetchFile(name: string, file: string): Promise<boolean> {
    return client.send({ method: 'GET', key: keyOf(name), expected: [404] }, async ({ status, body }) => {
      if (status === 404) {
        await body.dump();
        return false;
      }
      try {
        await pipeline(body, createWriteStream(file));
        return true;
      } catch (error) {
        throw machineFault(error, file);
      }
    });
  }

  async function listPage(
    query: Readonly<Record<string, string>>,
  ): Promise<{ text: string; next: string | undefined }> {
    return client.send({ method: 'GET', query: { 'list-type': '2', ...query } }, async ({ body }) => {
      const text = await body.text();
      const next = /<NextContinuationToken>([^<]+)<\/NextContinuationToken>/.exec(text)?.[1];
      return { text, next: next === undefined ? undefined : unescapeXml(next) };
    });
  }

  /** Returns the texts of an element in all pages of a listing. */
  async function listAll(element: RegExp, query: Readonly<Record<string, string>>): Promise<string[]> {
    const found: string[] = [];
    let token: string | undefined;
    do {
      const { text, next } = await listPage({ ...query, ...(token !== undefined && { 'continuation-token': token }) });
      found.push(...[...text.matchAll(element)].map(([, value = '']) => unescapeXml(value)));
      token = next;
    } while (token !== undefined);
    return found;
  }

  return {
    address,
    async read(name) {
      return client.send({ method: 'GET', key: keyOf(name), expected: [404] }, async ({ status, header, body }) => {
        const bytes = Buffer.from(await body.arrayBuffer());
        return status === 404 ? undefined : { bytes, tag: header('etag') ?? '' };
      });
    },
    fetch: fetchFile,
    add,
    async copy(from, name, wanted) {
      if (await isThere(name, wanted)) return;
      if (wanted.size > policy.largestCopy) return fetchAndAdd(from, name, wanted);
      const headers = { 'x-amz-copy-source': `/${bucket}/${encodeKey(keyOf(from))}` };
      await client.send({ method: 'PUT', key: keyOf(name), headers }, expectNoError);
    },
    async replace(name, bytes, tag) {
      const body = Uint8Array.from(bytes);
      const condition = tag === undefined ? { 'if-none-match': '*' } : { 'if-match': tag };
      const headers = { ...headersOf(name, body), ...condition, 'cache-control': 'no-cache' };
      const status = await client.send(
        { method: 'PUT', key: keyOf(name), headers, body, expected: [404, 412] },
        statusOf,
      );
      if (status < 300) return true;
      // The answer to an earlier attempt may have been lost.
      return (await this.read(name))?.bytes.equals(bytes) ?? false;
    },
    async list(folderName) {
      const keys = await listAll(/<Key>([^<]*)<\/Key>/g, { prefix: keyOf(`${folderName}/`) });
      return keys.map((key) => key.slice(prefix.length)).sort();
    },
    async names(folderName) {
      const start = keyOf(`${folderName}/`);
      const query = { prefix: start, delimiter: '/' };
      const found = await listAll(/<(?:Key|CommonPrefixes>\s*<Prefix)>([^<]*)</g, query);
      return found.map((key) => key.slice(start.length).replace(/\/$/, '')).sort();
    },
    async remove(names) {
      await transferAll(names, (name) => client.send({ method: 'DELETE', key: keyOf(name), expected: [404] }, nothing));
    },
  };

  async function fetchAndAdd(from: string, name: string, wanted: Pick<LocalFile, 'size' | 'sha256'>): Promise<void> {
    const directory = await mkdtemp(path.join(tmpdir(), 'pipeline-copy-'));
    try {
      const file = path.join(directory, 'file');
      if (!(await fetchFile(from, file)))
        throw new PipelineError('PUBLICATION_UNREADABLE', `${from} is missing`, { file: address });
      await add(name, { file, ...wanted });
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }
}

/** A copy and the end of an upload may answer 200 and then fail: the body says so. */
async function expectNoError({ status, body }: BucketAnswer): Promise<void> {
  const text = await body.text();
  if (status === 200 && text.includes('<Error>')) throw new Error(/<Code>([^<]*)/.exec(text)?.[1] ?? 'it has failed');
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };

const unescapeXml = (text: string): string =>
  text.replaceAll(/&(?:#(x[0-9a-f]+|\d+)|(\w+));/gi, (all, number?: string, name?: string) => {
    if (number !== undefined) return String.fromCodePoint(Number(number.replace(/^x/i, '0x')));
    return entities[name ?? ''] ?? all;
  });
