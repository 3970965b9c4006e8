import { hash } from 'node:crypto';
import { type ArchiveClient, headerOf, type Outcome, type Verdict } from '../archive/client.ts';
import type { Answer } from '../http/transport.ts';
import { type Reason, reason } from './reason.ts';

/** True if an ETag is an MD5, as it is for objects that were uploaded in one part. */
export const isMd5 = (etag: string): boolean => /^[0-9a-f]{32}$/.test(etag);

const checksumLimit = 64 * 1024;

/** Fetches the SHA-256 that a CHECKSUM file contains for `name`: 64 hex digits, two spaces, the name of the zip. */
export function fetchChecksum(client: ArchiveClient, url: URL, name: string): Promise<Outcome<string>> {
  return client.get({ url, limit: checksumLimit, check: (answer) => checkChecksum(answer, name) });
}

function checkChecksum(answer: Answer, name: string): Verdict<string> {
  const again = (reason: Reason): Verdict<string> => ({ kind: 'again', reason });
  const sha256 = parseChecksum(answer.body.toString(), name);
  if (typeof sha256 !== 'string') return again(sha256);
  const etag = headerOf(answer, 'etag')?.replaceAll('"', '');
  const isOther = etag !== undefined && isMd5(etag) && etag !== hash('md5', answer.body);
  return isOther ? again(malformed('the CHECKSUM file does not match its ETag')) : { kind: 'ok', value: sha256 };
}

/** Returns the SHA-256 that the text of a CHECKSUM file contains for the file `name`. */
export function parseChecksum(text: string, name: string): string | Reason {
  const match = /^([0-9a-fA-F]{64}) [ *]([^\r\n]+)\r?\n?$/.exec(text);
  if (match === null) return malformed('the CHECKSUM file is not a line as sha256sum writes it');
  if (match[2] !== name) return malformed(`the CHECKSUM file names ${JSON.stringify(match[2]?.slice(0, 200))}`);
  return (match[1] as string).toLowerCase();
}

const malformed = (text: string): Reason => reason('checksum_malformed', text);
