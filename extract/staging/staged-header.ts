import { closeSync, readSync } from 'node:fs';
import { headerProblem } from '../verify/header.ts';
import type { Reason } from '../verify/reason.ts';
import { openIfThere } from './crc.ts';

/** No header that is known is longer. */
const headerBytes = 512;

/** What is wrong with the header of a staged CSV that has one; earlier versions took any (A31). */
export function problemOfStagedHeader(file: string): Reason | undefined {
  const descriptor = openIfThere(file);
  if (descriptor === undefined) return undefined;
  try {
    const start = Buffer.alloc(headerBytes);
    const text = start.toString('latin1', 0, readSync(descriptor, start));
    return headerProblem(text.replace(/^\u00ef\u00bb\u00bf/, '').replace(/\r?\n.*$/s, ''));
  } finally {
    closeSync(descriptor);
  }
}
