import { hash } from 'node:crypto';
import type { ArchiveClient, Outcome, Verdict } from '../archive/client.ts';
import type { ListedObject } from '../listing/series-state.ts';
import { isMd5 } from '../verify/checksum.ts';
import { type Reason, reason } from '../verify/reason.ts';
import { bufferSource, type ZipSource } from '../verify/zip.ts';
import type { Spool } from './spool.ts';
import { replaceFile } from './write.ts';

/** A web page or a re-issued file may be larger than what was listed; it is read so that it can be told apart. */
const slack = 256 * 1024;

export interface FetchedZip {
  readonly sha256: string;
  readonly source: ZipSource;
  /** The bytes, where they are in memory. */
  readonly bytes?: Buffer;
  /** The file they are in otherwise. */
  readonly file?: string;
}

export interface FetchZip {
  readonly outcome: Outcome<FetchedZip>;
  /** Of the last bytes that came. */
  readonly sha256: string | undefined;
  /** Keeps the last bytes that came, good or bad, as `file`; false where none came. */
  keep(file: string): boolean;
}

/**
 * Fetches a zip whose size and MD5 are those of the listing. Where the ETag is no MD5 the bytes must have `sha256`.
 * The bytes are in memory, or in the spool where the zip is large.
 */
export async function fetchZip(
  client: ArchiveClient,
  url: URL,
  object: ListedObject,
  sha256: string | undefined,
  spool: Spool | undefined,
): Promise<FetchZip> {
  let last: Buffer | undefined;
  let sha256OfLast: string | undefined;
  const limit = object.size_bytes + slack;
  const outcome = await client.get<FetchedZip>({
    url,
    limit,
    ...(spool && { openSink: () => spool.open() }),
    check({ body }): Verdict<FetchedZip> {
      if (spool === undefined) last = body;
      const found = spool?.finish() ?? { size: body.length, md5: hash('md5', body), sha256: hash('sha256', body) };
      sha256OfLast = found.sha256;
      const problem = mismatch(object, found, sha256);
      if (problem === undefined) {
        const place = spool
          ? { file: spool.file, source: spool.source() }
          : { bytes: body, source: bufferSource(body) };
        return { kind: 'ok', value: { sha256: found.sha256, ...place } };
      }
      const page = /^\s*</.test((spool?.source().read(0, 16) ?? body.subarray(0, 16)).toString('latin1'));
      const html = reason('html', `the host sent a web page of ${found.size} bytes`);
      return { kind: 'again', reason: page ? html : problem, digest: found.md5 };
    },
  });
  function keep(file: string): boolean {
    if (last !== undefined) replaceFile(file, last);
    return last !== undefined || (spool?.moveTo(file) ?? false);
  }
  return { outcome, keep, sha256: sha256OfLast };
}

function mismatch(
  { etag, size_bytes }: ListedObject,
  found: { readonly size: number; readonly md5: string; readonly sha256: string },
  sha256: string | undefined,
): Reason | undefined {
  if (found.size !== size_bytes) {
    return reason('size_mismatch', `${found.size} bytes came where ${size_bytes} are listed`);
  }
  if (isMd5(etag)) {
    return found.md5 === etag ? undefined : reason('md5_mismatch', `the MD5 is ${found.md5} where ${etag} is listed`);
  }
  return found.sha256 === sha256
    ? undefined
    : reason('checksum_mismatch', `the SHA-256 is ${found.sha256} where the CHECKSUM file says ${sha256}`);
}
