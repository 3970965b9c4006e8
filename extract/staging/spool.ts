import { createHash, type Hash, hash } from 'node:crypto';
import { closeSync, rmSync } from 'node:fs';
import { named, openMaking, renameMaking, replaceFile, writeFully } from '../../engine/aside.ts';
import type { ArchiveClient, Outcome, Verdict } from '../archive/client.ts';
import type { Sink } from '../http/transport.ts';
import type { ListedObject } from '../listing/series-state.ts';
import { isMd5 } from '../verify/checksum.ts';
import { type Reason, reason } from '../verify/reason.ts';
import { bufferSource, fileSource, type ZipSource } from '../verify/zip.ts';
import type { Md5 } from './batched-md5.ts';

/** Takes the bytes of a zip as they come, and holds them until it is verified. What it has given is good until it is disposed of. */
export interface Spool extends Disposable {
  /** A sink that starts anew; earlier ones are of no further use. */
  open(): Sink;
  /** Ends the writing; hex digests of what was written. */
  finish(): Promise<{ readonly size: number; readonly md5: string; readonly sha256: string }>;
  zip(): SpooledZip;
  /** Keeps what was written as a file; false where nothing was. */
  keep(file: string): boolean;
}

export interface SpooledZip {
  readonly source: ZipSource;
  /** The bytes, if they are in memory. */
  readonly bytes?: Buffer;
  /** The file they are in otherwise. */
  readonly file?: string;
}

const nothing = Buffer.alloc(0);

/** In memory that is used again: fresh buffers for every zip would keep the collector busy for a tenth of the time. */
export function memorySpool(pool: BufferPool, md5: Md5, expectedSize: number): Spool {
  let buffer: Buffer = nothing;
  let size = 0;
  /** Changes when sinks that were given out must not write any more. */
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
        if (own !== edition) throw new Error('bytes came for an attempt that is over');
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

/** In a file, for zips that are too large for memory; disposing of it removes the file. */
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

/** A web page or a re-issued file may be larger than what was listed; it is read so that it can be told apart. */
const slack = 256 * 1024;

export interface FetchedZip extends SpooledZip {
  readonly sha256: string;
}

/**
 * Fetches a zip whose size and MD5 are those of the listing, through the spool. Where the ETag is no MD5 the bytes must
 * have a SHA-256 that `isVouched`.
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
    return reason('size_mismatch', `${found.size} bytes came where ${size_bytes} are listed`);
  }
  if (isMd5(etag)) {
    return found.md5 === etag ? undefined : reason('md5_mismatch', `the MD5 is ${found.md5} where ${etag} is listed`);
  }
  return isVouched(found.sha256)
    ? undefined
    : reason('checksum_mismatch', `the SHA-256 is ${found.sha256}, which is not what the CHECKSUM file says`);
}

/** Buffers that are used again. It keeps as many as were ever out at once. */
export interface BufferPool {
  /** One of at least this size, with whatever was in it. */
  take(size: number): Buffer;
  /** For the next one who asks; the giver may not look at it any more. */
  giveBack(buffer: Buffer): void;
}

const smallest = 4096;

/** In sizes of powers of two, so that any archive finds one that another of about its size has left. */
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
