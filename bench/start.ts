import { join } from 'node:path';
import { measure } from './support/measure.ts';
import type { BenchOptions, Figure } from './support/options.ts';
import { median, seconds } from './support/report.ts';
import { race, secondsOf } from './support/rounds.ts';

const root = join(import.meta.dirname, '..');

/** S6: the time of `pnpm pipeline ls` in addition to pnpm's own startup. */
export async function benchStart(options: BenchOptions): Promise<readonly Figure[]> {
  const pnpm = process.env.npm_execpath;
  if (pnpm === undefined || !/pnpm/.test(pnpm)) throw new Error('run it through pnpm: pnpm bench start');
  const contestant = (name: string, ...args: readonly string[]) => ({
    name,
    run: () => measure([process.execPath, pnpm, ...args], { cwd: root }),
  });
  const [ls, empty] = ['pnpm pipeline ls', 'pnpm exec node -e 0'] as const;
  const laps = await race('start', [contestant(ls, 'pipeline', 'ls'), contestant(empty, 'exec', 'node', '-e', '0')], {
    ...options,
    rounds: Math.max(options.rounds, 11),
  });
  const ours = secondsOf(laps, ls);
  const peer = secondsOf(laps, empty);
  const beyond = median(ours.map((value, round) => value - (peer[round] ?? Number.NaN)));
  return [
    {
      ...{ bar: 'S6', what: `${ls} − ${empty}`, ours: seconds(median(ours)), peer: seconds(median(peer)) },
      ...{ ratio: `+${Math.round(beyond * 1000)} ms`, demand: '< 400 ms', holds: beyond < 0.4 },
    },
  ];
}
