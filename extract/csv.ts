import { closeSync } from 'node:fs';
import { openMaking, writeFully } from '../engine/aside.ts';
import { machineFault } from '../engine/index.ts';

/** Writes lines to `file` a few hundred KB at a time. Throws DISK_FULL. */
export function writeLines(file: string, lines: Iterable<string>): void {
  try {
    const descriptor = openMaking(file);
    try {
      let pending = '';
      for (const line of lines) {
        pending += line;
        if (pending.length < 256 * 1024) continue;
        writeFully(descriptor, Buffer.from(pending));
        pending = '';
      }
      writeFully(descriptor, Buffer.from(pending));
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw machineFault(error, file);
  }
}

/** `2025-07-10 09:00:00.000` of an ISO 8601 time in UTC. */
export const sqlTimestamp = (iso: string): string => iso.replace('T', ' ').replace('Z', '');

/** `2025-07-10` of ms since the epoch. */
export const sqlDate = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

/** `2025-07-10 09:00:00.000000` of µs since the epoch, to the last µs. */
export function sqlTimestampOfMicros(micros: number): string {
  const ms = Math.floor(micros / 1000);
  return sqlTimestamp(new Date(ms).toISOString()) + String(micros - ms * 1000).padStart(3, '0');
}
