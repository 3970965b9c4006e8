import { setTimeout as delay } from 'node:timers/promises';
import { hideInValue, PipelineError, type SplitUrl, splitUrl, type Vars } from '../../engine/index.ts';
import { type InstrumentType, instrumentTypes } from '../../exchange/vocabulary.ts';

/** The clock that waits are measured with; tests pass their own. */
export interface Clock {
  /** ms since 1970. */
  now(): number;
  /** Throws the reason of an abort. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: Date.now,
  async sleep(ms, signal) {
    await delay(ms, undefined, { signal }).catch(() => {});
    signal.throwIfAborted();
  },
};

/** The weight of a request for so many bars: always 2 for spot, by the limit for futures. */
export function weightOf(market: InstrumentType, limit: number): number {
  if (market === 'spot') return 2;
  return limit < 100 ? 1 : limit < 500 ? 2 : limit <= 1000 ? 5 : 10;
}

/** Keeps what an address asks of one market within its weight a minute. */
export interface WeightLimiter {
  /**
   * Waits until a request of this weight may go out, and counts it. What it returns is called when the request is over,
   * with what the exchange says it has counted in its minute, other programs at this address included.
   */
  acquire(weight: number): Promise<(counted: number | undefined) => void>;
  /** Holds back every request for so many ms. */
  pause(ms: number): void;
}

/** The exchange counts by minutes of its own clock, which no window of this length can straddle; a second for the way. */
const windowMs = 61_000;

export function createWeightLimiter(perMinute: number, { now, sleep }: Clock, signal: AbortSignal): WeightLimiter {
  let sent: { readonly at: number; readonly weight: number }[] = [];
  let underWay = 0;
  let pausedUntil = 0;

  function used(): number {
    const since = now() - windowMs;
    sent = sent.filter(({ at }) => at > since);
    return sent.reduce((sum, { weight }) => sum + weight, 0);
  }

  return {
    async acquire(wanted) {
      const weight = Math.min(wanted, perMinute);
      for (;;) {
        signal.throwIfAborted();
        const free = used() + weight <= perMinute ? 0 : (sent[0]?.at ?? 0) + windowMs;
        const wait = Math.max(pausedUntil, free) - now();
        if (wait <= 0) break;
        await sleep(wait, signal);
      }
      sent.push({ at: now(), weight });
      underWay += weight;
      return (counted) => {
        underWay -= weight;
        // What is under way may have been counted or not: to believe that it was not is the careful way.
        const others = (counted ?? 0) - (used() - underWay);
        if (others > 0) sent.push({ at: now(), weight: others });
      };
    },
    pause(ms) {
      pausedUntil = Math.max(pausedUntil, now() + ms);
    },
  };
}

type ByMarket<T> = Readonly<Record<InstrumentType, T>>;

/** The base URL of each market's API, from var `rest_urls`. Throws VAR_INVALID. */
export function restUrls(vars: Vars): ByMarket<SplitUrl> {
  const urls = Object.entries(byMarket('rest_urls', vars)).map(([market, text]) => {
    const split = /^https?:\/\//i.test(text) ? splitUrl(text) : undefined;
    if (split === undefined) throw invalid('rest_urls', `of ${market} is no URL`, text);
    return [market, split] as const;
  });
  return Object.fromEntries(urls) as ByMarket<SplitUrl>;
}

/** The weight that may be asked of each market in a minute, from var `rest_weights`. Throws VAR_INVALID. */
export function restWeights(vars: Vars): ByMarket<number> {
  const weights = Object.entries(byMarket('rest_weights', vars)).map(([market, text]) => {
    const weight = Number(text);
    // A page of futures weighs 10 at most.
    if (!Number.isInteger(weight) || weight < 10) {
      throw invalid('rest_weights', `of ${market} is no whole number of at least 10`, text);
    }
    return [market, weight] as const;
  });
  return Object.fromEntries(weights) as ByMarket<number>;
}

/** A list of `spot=…` with an item for every market. */
function byMarket(name: string, vars: Vars): ByMarket<string> {
  const pairs = vars.strings(name);
  const values = Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf('=')).trim(), pair.slice(pair.indexOf('=') + 1).trim()]),
  );
  const missing = instrumentTypes.find((market) => !values[market]);
  if (missing !== undefined) throw invalid(name, `has nothing for ${missing}`, pairs.join(','));
  return values as ByMarket<string>;
}

const invalid = (name: string, problem: string, value: string): PipelineError =>
  new PipelineError('VAR_INVALID', `the var ${name} ${problem}`, {
    ...{ key: name, value: hideInValue(value) },
    hint: 'write it as spot=…,futures-um=…,futures-cm=…',
  });
