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

/** A clock that jumps over what is waited for. */
export function jumpingClock(start = '2025-07-10T09:00:00Z'): Clock & { readonly waits: readonly number[] } {
  let time = Date.parse(start);
  const waits: number[] = [];
  return {
    waits,
    now: () => time,
    async sleep(ms, signal) {
      const until = time + ms;
      waits.push(ms);
      // What is under way arrives first: no answer takes as long as the clock jumps over.
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

/** Runs the listing, the klines and then the rest, as a pipeline does. */
export async function runRest(run: RestRun): Promise<Ended & Log> {
  await runExtracts(run);
  return runRestAlone(run);
}

/** The rest on what is listed and staged. */
export async function runRestAlone(run: RestRun): Promise<Ended & Log> {
  const log = emptyLog();
  const rest = createRest(run.clock ?? jumpingClock(), { base: 1, patience: 0 });
  const weights = run.weights ?? ['spot=6000', 'futures-um=2400', 'futures-cm=2400'];
  const vars = { ...run.vars, rest_urls: run.exchange.urls, rest_weights: weights };
  const context = contextOf({ ...run, vars }, { connections: run.options?.connections ?? 4 }, new Map(), log);
  return { ...endOf(await rest.run(context), log), ...log };
}

/** The exchange's bars that are staged, in the order of their files. */
export const restLines = (stagingDir: string): readonly string[] =>
  [...filesBelow(stagingDir)]
    .filter(([path]) => /^rest\/.*\.csv$/.test(path))
    .flatMap(([, text]) => text.split('\n').slice(0, -1));
