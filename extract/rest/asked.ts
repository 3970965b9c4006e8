import { readFileSync } from 'node:fs';
import { writeWhole } from '../disk.ts';
import type { Range } from './ranges.ts';

/** What is remembered of a series, beside the bars themselves. */
export interface Asked {
  /** Slots without an archive's bar that the exchange has answered for, with a bar or with none. */
  readonly settled: readonly Range[];
  /** By key and ETag of an archive that misses bars: the slots that it has, so that it is read once. */
  readonly covered: Readonly<Record<string, readonly Range[]>>;
}

/** Nothing is remembered where there is no file, or none that can be read: then the exchange is asked again. */
export function readAsked(file: string): Asked {
  try {
    const { settled, covered }: Partial<Asked> = JSON.parse(readFileSync(file, 'utf8'));
    if (Array.isArray(settled) && typeof covered === 'object') return { settled, covered };
  } catch (error) {
    if (!(error instanceof SyntaxError) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return { settled: [], covered: {} };
}

/** Throws DISK_FULL. */
export const writeAsked = (file: string, asked: Asked): void => writeWhole(file, `${JSON.stringify(asked)}\n`);
