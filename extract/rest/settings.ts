import { hideInValue, PipelineError, type SplitUrl, splitUrl, type Vars } from '../../engine/index.ts';
import { type InstrumentType, instrumentTypes } from '../../exchange/vocabulary.ts';

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
