import { readdirSync, renameSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { run, type Usage } from './measure.ts';
import type { BenchOptions } from './options.ts';
import { median, megabytes, seconds, textTable } from './report.ts';

/** The resources of a program, and the time of the part that a bar measures if that is not the whole. */
export type Lap = Usage & { readonly partSeconds?: number };

export interface Contestant {
  readonly name: string;
  /** Runs outside the measured time. */
  readonly prepare?: () => Promise<void>;
  readonly run: () => Promise<Lap>;
  /** Runs outside the measured time; throws if the program did not do its work. */
  readonly check?: () => Promise<void>;
  /** A folder that is moved away and emptied after each run. */
  readonly output?: string;
}

export type Laps = ReadonlyMap<string, readonly Lap[]>;

/**
 * Runs every contestant once per round; with `turning`, each round begins with another one. The files of a contestant
 * are emptied before the next one begins, so that they do not fill the memory, and deleted only at the end of the
 * benchmark: for up to six minutes ext4 avoids the inodes of deleted files, and creating a file takes five times as
 * long.
 */
export async function race(
  title: string,
  contestants: readonly Contestant[],
  { rounds }: Pick<BenchOptions, 'rounds'>,
  { turning = true } = {},
): Promise<Laps> {
  console.log(`\n${title}`);
  const laps = new Map<string, Lap[]>(contestants.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contestants.length; turn++) {
      const contestant = contestants[(turn + (turning ? round : 0)) % contestants.length] as Contestant;
      await contestant.prepare?.();
      // Pending writes of the previous contestant would slow this one down.
      await run(['sync']);
      const lap = await contestant.run();
      laps.get(contestant.name)?.push(lap);
      await contestant.check?.();
      if (contestant.output !== undefined) emptyFiles(setAside(contestant.output, `${round}-${turn}`));
      console.error(`  round ${round + 1}: ${contestant.name} ${seconds(lap.partSeconds ?? lap.seconds)}`);
    }
  }
  for (const line of lapTable(laps)) console.log(`  ${line}`);
  return laps;
}

function setAside(folder: string, name: string): string {
  const aside = `${folder}.${name}`;
  renameSync(folder, aside);
  return aside;
}

function emptyFiles(folder: string): void {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) truncateSync(join(entry.parentPath, entry.name));
  }
}

function lapTable(laps: Laps): readonly string[] {
  const rows = [...laps].map(([name, all]) => {
    const of = (figure: (lap: Lap) => number | undefined): number =>
      median(all.map((lap) => figure(lap) ?? Number.NaN));
    const part = of((lap) => lap.partSeconds);
    return [
      name,
      seconds(of((lap) => lap.seconds)),
      Number.isNaN(part) ? '' : seconds(part),
      seconds(of((lap) => lap.cpuSeconds)),
      megabytes(of((lap) => lap.peakBytes)),
    ];
  });
  return textTable([['PROGRAM', 'WALL', 'NODE', 'CPU', 'PEAK RSS'], ...rows]);
}

export const secondsOf = (laps: Laps, name: string): readonly number[] =>
  (laps.get(name) ?? []).map((lap) => lap.seconds);

export const partsOf = (laps: Laps, name: string): readonly number[] =>
  (laps.get(name) ?? []).map((lap) => lap.partSeconds ?? Number.NaN);

export const peakOf = (laps: Laps, name: string): number =>
  Math.max(...(laps.get(name) ?? []).map((lap) => lap.peakBytes));
