import { existsSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { defineExtract, type Extract, type ExtractContext, PipelineError, type SplitUrl } from '../engine/index.ts';
import { type BarSeries, barSeriesId, unknownSymbolKey } from '../exchange/keys.ts';
import { msOfDay } from '../exchange/timeframes.ts';
import { forEachConcurrent } from './concurrency.ts';
import { SourceError } from './failure.ts';
import type { RetryPolicy } from './http/retry.ts';
import klines from './klines.ts';
import { listingOf } from './listing/archive-listing.ts';
import { parseRestOptions, restOptions, restUrls, restWeights, retryOptions } from './options.ts';
import { stagedSeries } from './rest/coverage.ts';
import { fillSeries } from './rest/fill-series.ts';
import { type Clock, createRestClient, systemClock } from './rest/rest-client.ts';
import { createRestStore } from './rest/rest-store.ts';
import { Ledger } from './staging/ledger.ts';
import { restFolder } from './staging/paths.ts';

/** Creates the extract. Tests pass their own clock and retry policy. */
export const createRest = (clock: Clock = systemClock, retry: Partial<RetryPolicy> = {}): Extract =>
  defineExtract({
    options: restOptions,

    warnings: {
      bar_skipped: 'Series and time of a bar from the exchange that cannot be right; it is skipped.',
      series_not_filled:
        'Series such as `futures-um/1h/BTCUSDT` for which the exchange gave no answer after all retries.',
    },

    // No archive has these bars, so they are not fetched again.
    async records({ stagingDir, to }) {
      const folder = restFolder(stagingDir);
      if (existsSync(folder)) await cp(folder, restFolder(to), { recursive: true });
    },

    async run(context) {
      const options = parseRestOptions(context);
      const { signal, asOf, stagingDir, vars } = context;
      const [urls, weights] = [restUrls(vars), restWeights(vars)];
      refuseMixing(context, urls);
      using ledger = Ledger.open(stagingDir);
      const store = createRestStore(ledger, stagingDir, asOf);
      const { connections } = options;
      const policy = { ...retryOptions(options), ...retry };
      await using client = createRestClient({
        urls,
        weights,
        connections,
        signal,
        clock,
        retry: policy,
        tell: context.info,
      });

      const all = stagedSeries(listingOf(context), options, ledger);
      const totals = { bars: 0, archived: 0, odd: 0 };
      const failures: PipelineError[] = [];
      let failuresInARow = 0;
      let done = 0;
      const report = () => {
        const { retries } = client.stats;
        context.progress({ done, total: all.length, unit: 'series', records: totals.bars, retries });
      };
      const askAgainAt = (at: string) => Date.parse(at) + options.ask_again_after * msOfDay;
      const unknown = new Set<string>();
      const isUnknown = (series: BarSeries): boolean => {
        const key = unknownSymbolKey(series);
        const entry = context.relist ? undefined : ledger.get(key);
        return unknown.has(key) || (entry !== undefined && askAgainAt(entry.staged_at) > asOf.getTime());
      };
      report();
      await forEachConcurrent(all, connections, async (one) => {
        const { series } = one;
        const filled = await fillSeries(one, {
          ...{ client, store, stagingDir, window: context.window, asOf, signal },
          isUnknown: isUnknown(series),
        });
        totals.bars += filled.bars;
        totals.archived += filled.archived;
        totals.odd += filled.odd.length;
        for (const { at, defect } of filled.odd) {
          const subject = `${barSeriesId(series)} at ${at}`;
          context.warn({ kind: 'bar_skipped', subject, message: `skipped the bar of ${subject}: ${defect}` });
        }
        const { refusal } = filled;
        failuresInARow = refusal?.kind === 'failed' ? failuresInARow + 1 : 0;
        if (refusal?.kind === 'failed') {
          failures.push(refusal.error);
          const message = `failed ${barSeriesId(series)}: ${refusal.error.message}`;
          context.warn({ kind: 'series_not_filled', subject: barSeriesId(series), message });
        }
        if (refusal?.kind === 'unknown' && !isUnknown(series)) {
          unknown.add(unknownSymbolKey(series));
          const at = asOf.toISOString();
          const facts = { etag: 'rest', staged_at: at, last_modified: at, size_bytes: 0 };
          const reason = `unknown_symbol: the exchange answers ${refusal.text}`;
          ledger.record({ key: unknownSymbolKey(series), status: 'absent', reason, ...facts });
        }
        done++;
        report();
        // The host is down: requesting the rest would only take hours to find that out.
        if (failuresInARow >= 3 * connections) throw failures.at(-1) as PipelineError;
      });
      ledger.compact();
      if (failures.length > vars.number('max_failed') * all.length) throw tooManyFailed(failures, all.length);
      const { requests, retries } = client.stats;
      return {
        status: totals.bars + totals.archived > 0 ? 'success' : 'no-op',
        summary: { series: all.length, ...totals, unknown: unknown.size, failed: failures.length, requests, retries },
        // Bars that were skipped are not requested again.
        partlyChecked: ['bar_skipped'],
      };
    },

    // It fetches no files, and which bars are missing is not known before the archives are staged.
    plan: async () => ({ files: 0, bytes: 0, diskBytes: 0, rows: [] }),

    // The ledger and the staging area are shared with the archives, and contain the exchange's bars too.
    staged: (context) => klines.staged(context),
  });

/**
 * Fetches the bars that no staged archive has, recent ones and gaps, from the exchange's REST API. They are staged as
 * files of their own, marked `rest` in the ledger, and are removed as soon as the archive has the same bars.
 */
export default createRest();

/** Throws USAGE if real bars would be mixed with synthetic ones. */
function refuseMixing({ target }: ExtractContext, urls: Readonly<Record<string, SplitUrl>>): void {
  const real = Object.values(urls).find(({ url }) => /(^|\.)binance\.[a-z]+$/.test(URL.parse(url)?.hostname ?? ''));
  if (!target.synthetic || real === undefined) return;
  throw new PipelineError(
    'USAGE',
    `the target ${target.name} has synthetic data, and rest_fill would add real bars from ${real.url}`,
    {
      key: 'rest_fill',
      value: 'true',
      hint: 'turn rest_fill off, or choose another target',
    },
  );
}

function tooManyFailed(failures: readonly PipelineError[], asked: number): PipelineError {
  const [first] = failures;
  const share = `the exchange gave no answer for ${failures.length} of ${asked} series, more than max_failed allows`;
  return new SourceError('TOO_MANY_FAILED', `${share}; the first: ${first?.message}`, {
    ...(first?.details.url !== undefined && { url: first.details.url }),
    hint: 'run again: staged bars are kept, and only missing ones are requested again',
    cause: first,
  });
}
