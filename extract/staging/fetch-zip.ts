import type { ArchiveClient, Outcome, Verdict } from '../archive/client.ts';
import type { ListedObject } from '../listing/series-state.ts';
import { isMd5 } from '../verify/checksum.ts';
import { type Reason, reason } from '../verify/reason.ts';
import type { Spool, SpooledZip } from './spool.ts';

/** A web page or a re-issued file may be larger than what was listed; it is read so that it can be told apart. */
const slack = 256 * 1024;

export interface FetchedZip extends SpooledZip {
  readonly sha256: string;
}

export interface FetchZip {
  readonly outcome: Outcome<FetchedZip>;
  /** Of the last bytes that came. */
  readonly sha256: string | undefined;
}

/**
 * Fetches a zip whose size and MD5 are those of the listing, through the spool. Where the ETag is no MD5 the bytes must
 * have `sha256`.
 */
export async function fetchZip(
  client: ArchiveClient,
  url: URL,
  object: ListedObject,
  sha256: string | undefined,
  spool: Spool,
): Promise<FetchZip> {
  let sha256OfLast: string | undefined;
  const outcome = await client.get<FetchedZip>({
    url,
    limit: object.size_bytes + slack,
    openSink: () => spool.open(),
    async check(): Promise<Verdict<FetchedZip>> {
      const found = await spool.finish();
      sha256OfLast = found.sha256;
      const problem = mismatch(object, found, sha256);
      if (problem === undefined) return { kind: 'ok', value: { sha256: found.sha256, ...spool.zip() } };
      const page = /^\s*</.test(spool.zip().source.read(0, 16).toString('latin1'));
      const html = reason('html', `the host sent a web page of ${found.size} bytes`);
      return { kind: 'again', reason: page ? html : problem, digest: found.md5 };
    },
  });
  return { outcome, sha256: sha256OfLast };
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
