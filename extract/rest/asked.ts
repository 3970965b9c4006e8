import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { writeWhole } from '../../engine/index.ts';
import { type BarSeries, barSeriesId } from '../../exchange/keys.ts';
import { isIntact, seal } from '../staging/seal.ts';
import type { Range } from './ranges.ts';

/** What is remembered of a series, beside the bars themselves. */
export interface Asked {
  /** Slots without an archive's bar that the exchange has answered for, with a bar or with none. */
  readonly settled: readonly Range[];
  /** By key and ETag of an archive that misses bars: the slots that it has, so that it is read once. */
  readonly covered: Readonly<Record<string, readonly Range[]>>;
}

/**
 * Nothing is remembered where there is no file, or one that is damaged or of another series: then the exchange is asked
 * again.
 */
export function readAsked(file: string, series: BarSeries): Asked {
  try {
    const text = readFileSync(file, 'utf8').trimEnd();
    const { settled, covered }: Partial<Asked> = isIntact(text, barSeriesId(series)) ? JSON.parse(text) : {};
    if (Array.isArray(settled) && typeof covered === 'object') return { settled, covered };
  } catch (error) {
    if (!(error instanceof SyntaxError) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return { settled: [], covered: {} };
}

/** Throws DISK_FULL. */
export const writeAsked = (file: string, series: BarSeries, asked: Asked): void =>
  writeWhole(file, `${seal(JSON.stringify(asked), barSeriesId(series))}\n`);

/** Forgets of every series what was asked, where it is not known any more which bars were answered. */
export function forgetAsked(stagingDir: string): void {
  const folder = join(stagingDir, 'rest');
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' }))
    if (basename(name) === 'asked.json') rmSync(join(folder, name));
}
