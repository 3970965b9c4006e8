import type { Clock } from '../../../extract/rest/rest-client.ts';
import { createRest } from '../../../extract/rest.ts';
import type { Exchange } from '../../support/exchange.ts';
import {
  contextOf,
  type Ended,
  emptyLog,
  endOf,
  filesBelow,
  type Log,
  type RunOptions,
  runExtracts,
} from './support.ts';

/** A clock that skips waits. */
export function jumpingClock(start = '2025-07-10T09:00:00Z'): Clock & { readonly waits: readonly number[] } {
  let time = Date.parse(start);
  const waits: number[] = [];
  return {
    waits,
    now: () => time,
    async sleep(ms, signal) {
      const until = time + ms;
      waits.push(ms);
      // Pending answers arrive first, since none takes as long as the skipped time.
      await new Promise((resolve) => setTimeout(resolve, 30));
      signal.throwIfAborted();
      time = Math.max(time, until);
    },
  };
}

export interface RestRun extends RunOptions {
  readonly exchange: Exchange;
  readonly clock?: Clock;
  readonly weights?: readonly string[];
}

/** Runs the listing, the klines and then the REST extract, as a pipeline does. */
export async function runRest(run: RestRun): Promise<Ended & Log> {
  await runExtracts(run);
  return runRestAlone(run);
}

/** Runs the REST extract on what is listed and staged. */
export async function runRestAlone(run: RestRun): Promise<Ended & Log> {
  const log = emptyLog();
  const rest = createRest(run.clock ?? jumpingClock(), { base: 1, patience: 0 });
  const weights = run.weights ?? ['spot=6000', 'futures-um=2400', 'futures-cm=2400'];
  const vars = { ...run.vars, rest_urls: run.exchange.urls, rest_weights: weights };
  const context = contextOf({ ...run, vars }, { connections: run.options?.connections ?? 4 }, new Map(), log);
  return { ...endOf(await rest.run(context), log), ...log };
}

/** The staged bars of the exchange, in the order of their files. */
export const restLines = (stagingDir: string): readonly string[] =>
  [...filesBelow(stagingDir)]
    .filter(([path]) => /^rest\/.*\.csv$/.test(path))
    .flatMap(([, text]) => text.split('\n').slice(0, -1));
