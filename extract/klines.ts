import { statSync } from 'node:fs';
import { defineExtract, type ExtractContext, PipelineError } from '../engine/index.ts';
import { createClient } from './archive/client.ts';
import { parseKey } from './archive/keys.ts';
import { openArchive } from './archive/open.ts';
import { forEachConcurrent } from './concurrent.ts';
import { type ArchiveListing, isArchiveListing } from './listing/archive-listing.ts';
import { parseKlinesOptions } from './options.ts';
import type { Why } from './plan/plan.ts';
import { planAll } from './plan/plan-all.ts';
import type { LedgerEntry } from './staging/entry.ts';
import { stagedArchivesFeed } from './staging/feed.ts';
import { Ledger } from './staging/ledger.ts';
import { stagedFile } from './staging/paths.ts';
import { entryOf } from './staging/record.ts';
import { stagedKlines } from './staging/source.ts';
import { reasonOf, type StageOutcome, stageArchive } from './staging/stage-archive.ts';

/**
 * Stages the kline archives that the plan wants as raw CSV, and again until it wants no more: what a monthly file
 * misses is known once it is staged (A15). Feeds `staged_archives`, the ledger, and gives `staged_klines`.
 */
export default defineExtract({
  async run(context) {
    const options = parseKlinesOptions(context);
    const { signal, asOf, stagingDir, target, vars } = context;
    const listing = listingOf(context);
    const archive = await context.share('archive', () => openArchive(target.archive, { asOf, signal }));
    await using client = createClient({ connections: options.connections, signal });
    using ledger = Ledger.open(stagingDir);
    if (ledger.unreadable > 0)
      context.warn(`${ledger.unreadable} lines of the journal are damaged: their archives are fetched again`);

    const asked = new Set<string>();
    const known = intactEntries(ledger, stagingDir);
    const planOptions = { ...options, listing, window: context.window, asOf, known, asked, askAgain: context.relist };
    const stageOptions = {
      ...{ client, archiveUrl: archive.url, stagingDir, asOf, signal },
      verify: vars.string('verify') === 'checksum' ? ('checksum' as const) : ('etag' as const),
      staleChecksum: options.stale_checksum,
    };
    const figures = { new: 0, reissued: 0, repaired: 0 };
    const progress = { done: 0, total: 0, bytes: 0, totalBytes: 0, records: 0, rejected: 0 };
    const failures: PipelineError[] = [];
    let failuresInARow = 0;
    let odd = 0;

    const report = () => context.progress({ ...progress, unit: 'files', retries: client.stats.retries });
    const count = (outcome: StageOutcome, why: Why, bytes: number) => {
      progress.done++;
      progress.bytes += bytes;
      failuresInARow = outcome.status === 'failed' ? failuresInARow + 1 : 0;
      if (outcome.status === 'failed') failures.push(outcome.error);
      if (outcome.status === 'rejected') progress.rejected++;
      if (outcome.status === 'staged') {
        progress.records += outcome.unpacked.facts.row_count;
        figures[figureOf[why]]++;
      }
      report();
    };

    let plan = planAll(planOptions);
    while (plan.files > 0) {
      progress.total += plan.files;
      progress.totalBytes += plan.bytes;
      report();
      await forEachConcurrent(plan.wanted(), options.connections, async ({ key, object, why }) => {
        const before = known(object.key);
        const outcome = await stageArchive({ key, object, known: before }, stageOptions);
        ledger.record(entryOf(object, outcome, before, asOf));
        asked.add(object.key);
        const text = reasonOf(outcome);
        if (text !== undefined) {
          odd++;
          context.warn(`${outcome.status} ${object.key}: ${text}`);
        }
        count(outcome, why, object.size_bytes);
        // The host is gone: asking it for the rest would only take hours to find that out.
        if (failuresInARow >= 3 * options.connections) throw failures.at(-1) as PipelineError;
      });
      plan = planAll(planOptions);
    }
    ledger.compact();

    const { staged, rejected, absent, failed } = plan.settled;
    const files = staged + rejected + absent + failed;
    if (failed > vars.number('max_failed') * files)
      throw tooManyFailed(failed, files, failures, vars.number('max_failed'));
    const { requests, retries } = client.stats;
    const { new: added, reissued, repaired } = figures;
    const unchanged = staged - added - reissued - repaired;
    return {
      status: odd > 0 ? 'warn' : progress.total > 0 ? 'success' : 'no-op',
      summary: {
        ...{ new: added, reissued, unchanged, repaired, absent, rejected, failed },
        ...{ rows: progress.records, bytes: progress.bytes, requests, retries },
      },
    };
  },

  async staged({ stagingDir, asOf }) {
    const ledger = Ledger.open(stagingDir);
    return {
      feeds: { staged_archives: stagedArchivesFeed(ledger) },
      sources: { staged_klines: stagedKlines(ledger, { stagingDir, asOf }) },
    };
  },
});

const figureOf = { new: 'new', again: 'new', reissued: 'reissued', repair: 'repaired' } as const satisfies Record<
  Why,
  string
>;

function listingOf({ upstream }: ExtractContext): ArchiveListing {
  const listing = [...upstream.values()].find(isArchiveListing);
  if (listing !== undefined) return listing;
  throw new PipelineError('NEEDS_MISMATCH', 'the klines extract has no listing to plan from', {
    hint: 'name the listing extract under needs:',
  });
}

/** What the ledger has of a key, unless the CSV that it tells of is gone or of another size. */
function intactEntries(ledger: Ledger, stagingDir: string): (key: string) => LedgerEntry | undefined {
  const intact = new Set<string>();
  return (key) => {
    const entry = ledger.get(key);
    if (entry?.status !== 'staged' || intact.has(key)) return entry;
    const parsed = parseKey(key);
    const found = parsed && statSync(stagedFile(stagingDir, parsed), { throwIfNoEntry: false });
    if (found?.size !== entry.csv_bytes) return undefined;
    intact.add(key);
    return entry;
  };
}

function tooManyFailed(
  failed: number,
  files: number,
  failures: readonly PipelineError[],
  allowed: number,
): PipelineError {
  const [first] = failures;
  if (first !== undefined && failures.every(({ code }) => code === 'ARCHIVE_REFUSED')) return first;
  const share = `${failed} of ${files} archives got no answer, more than the ${allowed * 100} % that max_failed allows`;
  return new PipelineError('TOO_MANY_FAILED', `${share}; the first: ${first?.message}`, {
    ...(first?.details.url !== undefined && { url: first.details.url }),
    hint: 'run again: what is staged stays, and only what failed is asked for again',
    cause: first,
  });
}
