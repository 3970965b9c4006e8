import { createHash, type Hash, hash } from 'node:crypto';
import { closeSync, rmSync } from 'node:fs';
import { named, openMaking, renameMaking, replaceFile, writeFully } from '../../engine/aside.ts';
import type { ArchiveClient, Outcome, Verdict } from '../archive/client.ts';
import type { Sink } from '../http/transport.ts';
import type { Md5 } from '../kernel/kernel.ts';
import type { ListedObject } from '../listing/series-state.ts';
import { isMd5 } from '../verify/checksum.ts';
import { type Reason, reason } from '../verify/reason.ts';
import { bufferSource, fileSource, type ZipSource } from '../verify/zip.ts';

/** Collects the bytes of a zip until it is verified. What it returns is valid until it is disposed of. */
export interface Spool extends Disposable {
  /** Starts over and returns a new sink. Earlier sinks must no longer be used. */
  open(): Sink;
  /** Ends the writing and returns hex digests of what was written. */
  finish(): Promise<{ readonly size: number; readonly md5: string; readonly sha256: string }>;
  zip(): SpooledZip;
  /** Saves what was written as a file. Returns false if nothing was written. */
  keep(file: string): boolean;
}

export interface SpooledZip {
  readonly source: ZipSource;
  /** The bytes, if they are in memory. */
  readonly bytes?: Buffer;
  /** The file that contains them otherwise. */
  readonly file?: string;
}

const nothing = Buffer.alloc(0);

/** A spool in pooled memory: new buffers for every zip would cost a tenth of the time in garbage collection. */
export function memorySpool(pool: BufferPool, md5: Md5, expectedSize: number): Spool {
  let buffer: Buffer = nothing;
  let size = 0;
  /** Changes when sinks that were handed out must no longer write. */
  let edition = 0;
  const written = (): Buffer => buffer.subarray(0, size);

  function giveBack(): void {
    if (buffer !== nothing) pool.giveBack(buffer);
    buffer = nothing;
  }

  function makeRoom(needed: number): void {
    if (needed <= buffer.length) return;
    const larger = pool.take(Math.max(needed, expectedSize));
    larger.set(written());
    giveBack();
    buffer = larger;
  }

  return {
    open() {
      const own = ++edition;
      size = 0;
      return (chunk) => {
        if (own !== edition) throw new Error('received bytes for an attempt that has ended');
        makeRoom(size + chunk.length);
        buffer.set(chunk, size);
        size += chunk.length;
      };
    },
    async finish() {
      edition++;
      return { size, md5: await md5(written()), sha256: hash('sha256', written()) };
    },
    zip: () => ({ bytes: written(), source: bufferSource(written()) }),
    keep(file) {
      if (size > 0) replaceFile(file, written());
      return size > 0;
    },
    [Symbol.dispose]() {
      edition++;
      size = 0;
      giveBack();
    },
  };
}

/** A spool in a file, for zips that are too large for memory. Disposing of it removes the file. */
export function diskSpool(file: string): Spool {
  let descriptor: number | undefined;
  let size = 0;
  let md5: Hash;
  let sha256: Hash;

  function close(): void {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
  }

  return {
    open() {
      close();
      size = 0;
      md5 = createHash('md5');
      sha256 = createHash('sha256');
      return (chunk) => {
        try {
          descriptor ??= openMaking(file);
          writeFully(descriptor, chunk);
        } catch (error) {
          throw named(error, file);
        }
        size += chunk.length;
        md5.update(chunk);
        sha256.update(chunk);
      };
    },
    async finish() {
      close();
      return { size, md5: md5.digest('hex'), sha256: sha256.digest('hex') };
    },
    zip: () => ({ file, source: fileSource(file, size) }),
    keep(target) {
      close();
      if (size > 0) renameMaking(file, target);
      return size > 0;
    },
    [Symbol.dispose]() {
      close();
      rmSync(file, { force: true });
    },
  };
}

/** Bytes beyond the listed size to read, so that a web page or a re-issued file can be told apart. */
const slack = 256 * 1024;

export interface FetchedZip extends SpooledZip {
  readonly sha256: string;
}

/**
 * Fetches a zip through the spool and checks its size and MD5 against the listing. If the ETag is not an MD5,
 * `isVouched` must accept the SHA-256 of the bytes.
 */
export function fetchZip(
  client: ArchiveClient,
  url: URL,
  object: ListedObject,
  isVouched: (sha256: string) => boolean,
  spool: Spool,
): Promise<Outcome<FetchedZip>> {
  return client.get<FetchedZip>({
    url,
    limit: object.size_bytes + slack,
    openSink: () => spool.open(),
    async check(): Promise<Verdict<FetchedZip>> {
      const found = await spool.finish();
      const problem = mismatch(object, found, isVouched);
      if (problem === undefined) return { kind: 'ok', value: { sha256: found.sha256, ...spool.zip() } };
      const page = /^\s*</.test(spool.zip().source.read(0, 16).toString('latin1'));
      return {
        kind: 'again',
        reason: page ? reason('html', `the host sent ${found.size} bytes of HTML or XML`) : problem,
      };
    },
  });
}

function mismatch(
  { etag, size_bytes }: ListedObject,
  found: { readonly size: number; readonly md5: string; readonly sha256: string },
  isVouched: (sha256: string) => boolean,
): Reason | undefined {
  if (found.size !== size_bytes) {
    return reason('size_mismatch', `received ${found.size} bytes, but ${size_bytes} are listed`);
  }
  if (isMd5(etag)) {
    return found.md5 === etag ? undefined : reason('md5_mismatch', `the MD5 is ${found.md5}, but ${etag} is listed`);
  }
  return isVouched(found.sha256)
    ? undefined
    : reason('checksum_mismatch', `the SHA-256 is ${found.sha256}, which is not the one in the CHECKSUM file`);
}

/** A pool of buffers. It keeps as many as were ever in use at once. */
export interface BufferPool {
  /** Returns a buffer of at least this size, with arbitrary content. */
  take(size: number): Buffer;
  /** Returns a buffer to the pool. The caller must no longer use it. */
  giveBack(buffer: Buffer): void;
}

const smallest = 4096;

/** Creates a pool whose buffers have powers of two as sizes, so that archives of similar sizes share them. */
export function createBufferPool(): BufferPool {
  const free = new Map<number, Buffer[]>();
  return {
    take(size) {
      const rounded = 2 ** Math.ceil(Math.log2(Math.max(smallest, size)));
      return free.get(rounded)?.pop() ?? Buffer.allocUnsafeSlow(rounded);
    },
    giveBack(buffer) {
      const others = free.get(buffer.length);
      if (others === undefined) free.set(buffer.length, [buffer]);
      else others.push(buffer);
    },
  };
}
