import { createHash, type Hash } from 'node:crypto';
import { closeSync, rmSync } from 'node:fs';
import type { Sink } from '../http/transport.ts';
import { fileSource, type ZipSource } from '../verify/zip.ts';
import { named, openMaking, renameMaking, writeFully } from './write.ts';

/** Bytes of a zip that is too large for memory, on disk until it is verified. */
export interface Spool extends Disposable {
  readonly file: string;
  /** A sink that starts the file anew. */
  open(): Sink;
  /** Ends the writing; hex digests of what was written. */
  finish(): { readonly size: number; readonly md5: string; readonly sha256: string };
  source(): ZipSource;
  /** Keeps the file under another name; false where nothing was written. */
  moveTo(file: string): boolean;
}

/** Disposing of it removes the file. */
export function createSpool(file: string): Spool {
  let descriptor: number | undefined;
  let size = 0;
  let md5: Hash;
  let sha256: Hash;

  function close(): void {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
  }

  return {
    file,
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
    finish() {
      close();
      return { size, md5: md5.digest('hex'), sha256: sha256.digest('hex') };
    },
    source: () => fileSource(file, size),
    moveTo(target) {
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
