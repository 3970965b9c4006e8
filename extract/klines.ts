import { defineExtract, type ExtractContext, PipelineError } from '../engine/index.ts';
import { openArchive } from './archive/open.ts';
import { forEachConcurrent } from './concurrent.ts';
import { asError } from './errors.ts';
import type { Failure } from './failure.ts';
import { listingOf } from './listing/archive-listing.ts';
import { demandLock } from './lock/demand.ts';
import { type KlinesOptions, parseKlinesOptions } from './options.ts';
import { noteNothingWanted, whereNothingWasWanted } from './plan/nothing-wanted.ts';
import { type Plan, planAll } from './plan/plan-all.ts';
import { planRows } from './plan/plan-rows.ts';
import { clientOptions, workersFor } from './settings.ts';
import { archiveRevisionsFeed, stagedArchivesFeed } from './staging/feed.ts';
import { intactEntries } from './staging/intact.ts';
import { noteKnownDefects, obsoleteDefects } from './staging/known-defects.ts';
import { Ledger } from './staging/ledger.ts';
import { pruneStaged, removeStaged } from './staging/prune.ts';
import { entryOf } from './staging/record.ts';
import { revisionsOf } from './staging/revisions.ts';
import { stagedKlines } from './staging/source.ts';
import { reasonOf } from './staging/stage-archive.ts';
import { openStager } from './staging/stager.ts';
import { beginSurvey, noSurvey } from './staging/survey.ts';
import { createTally, type Tally } from './staging/tally.ts';

/**
 * Stages the kline archives that the plan wants as raw CSV, and again until it wants no more: what a monthly file
 * misses is known once it is staged (A15). Feeds `staged_archives`, the ledger, and gives `staged_klines`.
 */
export default defineExtract({
  async prepare(context) {
    const { stagingDir, signal } = context;
    if (isOrdinary(context, parseKlinesOptions(context)))
      await context.share(surveyName, async () => beginSurvey(stagingDir, signal));
  },

  async run(context) {
    const options = parseKlinesOptions(context);
    const { signal, asOf, stagingDir, target, vars } = context;
    const listing = listingOf(context);
    const survey = await (await context.share(surveyName, async () => noSurvey)).take();
    const basisWith = (ledger: string) => ({ ...options, listing, ledger, window: context.window, asOf });
    if (survey?.broken.size === 0) {
      const { ledger } = survey;
      const settled = whereNothingWasWanted(stagingDir, basisWith(ledger));
      if (settled !== undefined)
        return { status: 'no-op', summary: summaryOf(settled), output: { ledger } satisfies Output };
    }

    const archive = await context.share('archive', () => openArchive(target.archive, { asOf, signal }));
    using ledger = Ledger.open(stagingDir);
    if (ledger.unreadable > 0)
      context.warn(`${ledger.unreadable} lines of the journal are damaged: their archives are fetched again`);

    const { known_defects: knownDefects } = options;
    noteKnownDefects(ledger, knownDefects);

    const asked = new Set<string>();
    const known = intactEntries(ledger, context, asked, survey);
    const planOptions = { ...options, listing, window: context.window, asOf, known, asked, askAgain: context.relist };
    const stageOptions = {
      ...{ archiveUrl: archive.url, stagingDir, asOf },
      verify: vars.string('verify') === 'checksum' ? ('checksum' as const) : ('etag' as const),
      staleChecksum: options.stale_checksum,
      knownDefects,
      largestInMemory: options.largest_zip_in_memory,
    };
    const tally = createTally();
    let odd = 0;

    const scope = { ...options, listing, ledger, window: context.window };
    const lock = context.locked === undefined ? undefined : demandLock(context.locked, scope);
    async function nextPlan(): Promise<Plan> {
      const plan = planAll(planOptions);
      lock?.check(plan);
      if (plan.files > 0) await context.confirm(plan);
      return plan;
    }
    let plan = await nextPlan();
    await using stager = openStager({
      stage: stageOptions,
      client: { ...clientOptions(options), access: target.access?.archive },
      workers: workersFor(plan, options.workers),
      bytesInFlight: options.bytes_in_flight,
      signal,
    });
    const report = () => context.progress({ ...tally.progress, retries: stager.stats.retries });
    while (plan.files > 0) {
      tally.expect(plan);
      report();
      await forEachConcurrent(plan.wanted(), stager.lanes, async (planned) => {
        const { key, object } = planned;
        const before = known(object.key);
        const outcome = await stager.stage({ key, object, known: before });
        const entry = ledger.get(object.key);
        const revisions = await revisionsOf(planned, entry, outcome, { stagingDir, asOf, signal });
        ledger.record(entryOf(object, outcome, entry, asOf, revisions));
        asked.add(object.key);
        tally.count(planned, outcome);
        lock?.take(object, outcome);
        report();
        const text = reasonOf(outcome);
        if (text !== undefined && !('knownDefect' in outcome)) {
          odd++;
          context.warn(`${outcome.status} ${object.key}: ${text}`);
        }
        // The host is gone: asking it for the rest would only take hours to find that out.
        if (tally.failuresInARow >= 3 * options.connections) throw asError(tally.failures.at(-1) as Failure);
      });
      plan = await nextPlan();
    }
    for (const key of obsoleteDefects(ledger, knownDefects, stagingDir)) {
      odd++;
      context.warn(`known_defects names ${key}, and nothing is wrong with it: take the entry out`);
    }
    ledger.compact();

    const { failed } = plan.settled;
    const files = Object.values(plan.settled).reduce((sum, count) => sum + count);
    const allowed = vars.number('max_failed');
    if (failed > allowed * files) throw tooManyFailed(failed, files, tally.failures, allowed);
    const { total, records: rows, bytes = 0 } = tally.progress;
    if (odd === 0 && total === 0 && survey !== undefined)
      noteNothingWanted(stagingDir, basisWith(ledger.digest), plan.settled);
    return {
      status: odd > 0 ? 'warn' : total > 0 ? 'success' : 'no-op',
      summary: summaryOf(plan.settled, tally.staged, { rows, bytes, ...stager.stats }),
    };
  },

  async plan(context) {
    const { window, asOf, stagingDir, relist: askAgain } = context;
    const known = intactEntries(Ledger.open(stagingDir), context);
    const scope = { ...parseKlinesOptions(context), listing: listingOf(context) };
    return planRows({ ...scope, window, asOf, known, asked: new Set(), askAgain });
  },

  async published({ stagingDir, partitions, ...context }) {
    const isKept = parseKlinesOptions(context).staging_retention === 'keep';
    return isKept ? { files: 0, bytes: 0 } : pruneStaged(stagingDir, await partitions());
  },

  async clean({ stagingDir, signal }) {
    return removeStaged(stagingDir, signal);
  },

  async staged({ stagingDir, asOf, output }) {
    const ledger = lazily(() => Ledger.open(stagingDir));
    const digest = () => (output as Output | undefined)?.ledger ?? ledger().digest;
    return {
      feeds: {
        staged_archives: stagedArchivesFeed(ledger, digest),
        archive_revisions: archiveRevisionsFeed(ledger, digest),
      },
      get source() {
        return stagedKlines(ledger(), { stagingDir, asOf });
      },
    };
  },
});

/** Of a run that has found nothing to do. */
interface Output {
  /** Digest of the ledger. */
  readonly ledger: string;
}

function lazily<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

const surveyName = 'staging survey';

/** Whether a run asks for nothing in particular, so that it may find that nothing is wanted by what an earlier one found. */
function isOrdinary({ relist, rebuild, locked }: ExtractContext, { symbols, known_defects }: KlinesOptions): boolean {
  return !relist && !rebuild && locked === undefined && symbols.length === 0 && known_defects.length === 0;
}

/** The closing figures of a run, in the order in which they are shown. */
function summaryOf(
  { staged, rejected, known, absent, failed }: Plan['settled'],
  done: Tally['staged'] = createTally().staged,
  figures = { rows: 0, bytes: 0, requests: 0, retries: 0 },
) {
  const { reissued, repair: repaired } = done;
  const added = done.new + done.again;
  const unchanged = staged - added - reissued - repaired;
  return { new: added, reissued, unchanged, repaired, absent, rejected, known, failed, ...figures };
}

function tooManyFailed(failed: number, files: number, failures: readonly Failure[], allowed: number): PipelineError {
  const [first] = failures;
  if (first !== undefined && failures.every(({ code }) => code === 'ARCHIVE_REFUSED')) return asError(first);
  const share = `${failed} of ${files} archives got no answer, more than the ${allowed * 100} % that max_failed allows`;
  return new PipelineError('TOO_MANY_FAILED', `${share}; the first: ${first?.message}`, {
    ...(first?.details.url !== undefined && { url: first.details.url }),
    hint: 'run again: what is staged stays, and only what failed is asked for again',
    ...(first !== undefined && { cause: asError(first) }),
  });
}
