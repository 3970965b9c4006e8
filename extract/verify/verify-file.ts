import { createHash, hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { type ArchiveKey, archiveName } from '../../exchange/keys.ts';
import { largestInflated, scanMember, scanSmall } from '../staging/unpack.ts';
import { parseChecksum } from './checksum.ts';
import { type Reason, reason } from './reason.ts';
import { bufferSource, fileSource, findMember } from './zip.ts';

/** Larger zips are read piece by piece. */
const largestInMemory = 1024 * 1024;

export type Verified = 'ok' | 'no_checksum' | Reason;

/**
 * Checks a zip of a local archive as an extract would: SHA-256 against the CHECKSUM file beside it, where there is one,
 * structure, name of the member, size, CRC-32 and every line. Its bytes may be bad in several ways: the first is told.
 */
export async function verifyFile(file: string, key: ArchiveKey, signal: AbortSignal): Promise<Verified> {
  const text = await unlessAbsent(() => readFile(`${file}.CHECKSUM`, 'utf8'));
  const expected = text === undefined ? undefined : parseChecksum(text, `${archiveName(key)}.zip`);
  if (typeof expected === 'object') return expected;
  const stats = await unlessAbsent(() => stat(file));
  if (stats === undefined) return reason('absent', 'there is a CHECKSUM file and no zip');

  const bytes = stats.size <= largestInMemory ? await readFile(file) : undefined;
  const found = bytes === undefined ? await digestOf(file, signal) : hash('sha256', bytes);
  if (expected !== undefined && found !== expected) {
    return reason('checksum_mismatch', `the SHA-256 is ${found} where the CHECKSUM file says ${expected}`);
  }
  return (
    (await contentProblem(file, bytes, stats.size, key, signal)) ?? (expected === undefined ? 'no_checksum' : 'ok')
  );
}

async function contentProblem(
  file: string,
  bytes: Buffer | undefined,
  size: number,
  key: ArchiveKey,
  signal: AbortSignal,
): Promise<Reason | undefined> {
  const source = bytes === undefined ? fileSource(file, size) : bufferSource(bytes);
  const member = await findMember(source, `${archiveName(key)}.csv`);
  if ('code' in member) return member;
  const scanned =
    bytes !== undefined && member.uncompressed_bytes <= largestInflated
      ? scanSmall(bytes, member, key)
      : await scanMember(bytes === undefined ? { source, file } : { source }, member, key, signal, () => {});
  return 'code' in scanned ? scanned : undefined;
}

async function digestOf(file: string, signal: AbortSignal): Promise<string> {
  const digest = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), digest, { signal });
  return digest.digest('hex');
}

async function unlessAbsent<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
