import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import type { Reader } from '../../engine/for-commands.ts';
import { PipelineError } from '../../engine/index.ts';
import type { Database } from '../../models/schema.ts';
import { type Certificate, certificateShape, certify, rangeOf } from './certificate.ts';

/** @throws PipelineError USAGE for a file that is not a certificate */
export async function readCertificate(file: string): Promise<Certificate> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new PipelineError('USAGE', 'the certificate cannot be read', { file, key: '--check', cause });
  }
  const parsed = certificateShape.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new PipelineError('USAGE', `this is not a certificate: ${z.prettifyError(parsed.error)}`, {
    file,
    key: '--check',
    hint: 'use a .json file written by pnpm pipeline certify',
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Returns how the warehouse differs from a certificate, within its range; empty if they match. */
export async function differences(reader: Reader<Database>, claimed: Certificate): Promise<readonly string[]> {
  const found = await certify(reader, claimed, { synthetic: claimed.synthetic, range: rangeOf(claimed) });
  const { gaps: claimedGaps, archives: claimedArchives, ...figures } = claimed;
  const changed = Object.entries(figures).flatMap(([name, value]) => {
    const now = found[name as keyof typeof figures];
    return now === value ? [] : [`${name}: ${value}, now ${now}`];
  });
  const gapText = (gap: Certificate['gaps'][number]) =>
    `${gap.start} to ${gap.end}, ${gap.missing_bars} bars, ${gap.cause}, ${gap.evidence}`;
  const [before, after] = [claimedGaps.map(gapText), found.gaps.map(gapText)];
  const archives = new Map(found.archives.map((archive) => [archive.key, archive]));
  return [
    ...changed,
    ...before.filter((gap) => !after.includes(gap)).map((gap) => `gap ${gap}: no longer present`),
    ...after.filter((gap) => !before.includes(gap)).map((gap) => `gap ${gap}: not in the certificate`),
    // A later archive that changed no rows is not a difference: a monthly one follows the daily ones.
    ...claimedArchives.flatMap(({ key, sha256, rows }) => {
      const now = archives.get(key);
      if (now === undefined) return [`archive ${key}: no longer in the ledger`];
      if (now.sha256 !== sha256) return [`archive ${key}: sha256 ${sha256}, now ${now.sha256}`];
      return now.rows === rows ? [] : [`archive ${key}: ${rows} rows, now ${now.rows}`];
    }),
  ];
}
