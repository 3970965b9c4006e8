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
