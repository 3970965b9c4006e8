import { existsSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { defineExtract, type ExtractContext, once, type PipelineError } from '../engine/index.ts';
import { type ArchiveKey, parseKey } from '../exchange/keys.ts';
import { openTarget } from './archive/server.ts';
import { forEachConcurrent } from './concurrency.ts';
import { asError, type Failure, SourceError } from './failure.ts';
import { archiveRevisionsFeed, stagedArchivesFeed } from './feeds.ts';
import { listingOf } from './listing/archive-listing.ts';
import { clientOptions, type KlinesOptions, klinesOptions, parseKlinesOptions, workersFor } from './options.ts';
import { noteNothingWanted, type Plan, planAll, planRows, whereNothingWasWanted } from './plan/plan-all.ts';
import { forgetAsked } from './rest/coverage.ts';
import { demandLock } from './sources-lock.ts';
import { noteKnownDefects, obsoleteDefects } from './staging/known-defects.ts';
import { Ledger } from './staging/ledger.ts';
import { createTally, entryOf, type Misses, revisionsOf, standingWarnings, type Tally } from './staging/outcomes.ts';
import { journalFile } from './staging/paths.ts';
import { makeWay, pruneStaged, removeStaged } from './staging/prune.ts';
import { stagedKlines } from './staging/source.ts';
import { reasonOf } from './staging/stage-archive.ts';
import { openStager } from './staging/stager.ts';
import { beginSurvey, intactEntries, noSurvey } from './staging/survey.ts';

/**
 * Stages the kline archives that the plan wants as raw CSV. It plans again until nothing more is wanted, since what a
 * monthly archive lacks is known once it is staged (A15). Feeds `staged_archives`, the ledger, and provides
 * `staged_klines`.
 */
export default defineExtract({
  options: klinesOptions,

  warnings: {
    rejected: 'Key of an archive that arrived as listed, but whose content is bad.',
    absent: 'Key of an archive that is listed, but answers 404.',
    failed: 'Key of an archive that could not be fetched after all retries.',
    unconfirmed: 'Key of an archive that is staged although its CHECKSUM file is missing or disagrees.',
    defect_obsolete: 'Key of an entry in `known_defects` whose file is not bad.',
    journal_damaged: '`journal.jsonl`, if it has damaged lines; their archives are fetched again.',
  },

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

    const archive = await context.share('archive', () => openTarget(target, { asOf, signal }));
    using ledger = Ledger.open(stagingDir);
    const { unreadable } = ledger;
    if (unreadable > 0) {
      if (context.window !== undefined || !coversLedger(options, ledger)) ledger.expectWhole();
      const message = `${unreadable} lines of the journal are damaged: their archives are fetched again`;
      context.warn({ kind: 'journal_damaged', subject: 'journal.jsonl', message });
      forgetAsked(stagingDir);
    }

    const { known_defects: knownDefects } = options;
    noteKnownDefects(ledger, knownDefects);

    const asked = new Set<string>();
    const known = intactEntries(ledger, context, asked, survey);
    const planOptions = { ...options, listing, window: context.window, asOf, known, asked };
    const stageOptions = {
      ...{ archiveUrl: archive.url, stagingDir, asOf },
      verify: vars.string('verify') === 'checksum' ? ('checksum' as const) : ('etag' as const),
      staleChecksum: options.stale_checksum,
      knownDefects,
      largestInMemory: options.largest_zip_in_memory,
    };
    const tally = createTally();
    const allowed = vars.number('max_failed');
    let odd = 0;

    const scope = { ...options, listing, ledger, window: context.window };
    const lock = context.locked === undefined ? undefined : demandLock(context.locked, scope);
    async function nextPlan(): Promise<Plan> {
      const plan = planAll(planOptions);
      makeWay(ledger, plan.obsolete, stagingDir);
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
        ledger.record(entryOf(planned, outcome, entry, asOf, revisions));
        asked.add(object.key);
        tally.count(planned, outcome);
        lock?.take(object, outcome);
        report();
        const text = reasonOf(outcome);
        if (text !== undefined && !('knownDefect' in outcome)) {
          odd++;
          const kind = outcome.status === 'staged' ? 'unconfirmed' : outcome.status;
          context.warn({ kind, subject: object.key, message: `${outcome.status} ${object.key}: ${text}` });
        }
        // The host is down, or it is the wrong one: requesting the rest would only take hours to find that out.
        const hopeless = 3 * options.connections;
        if (tally.failuresInARow >= hopeless) throw asError(tally.failures.at(-1) as Failure);
        const { missesInARow, misses } = tally;
        if (missesInARow >= hopeless && misses.failed + misses.absent > allowed * tally.progress.total)
          throw tooManyFailed(misses, tally.progress.total, tally.failures, allowed);
      });
      plan = await nextPlan();
    }
    for (const key of obsoleteDefects(ledger, knownDefects, stagingDir)) {
      odd++;
      const message = `known_defects names ${key}, but its file is not bad: remove the entry`;
      context.warn({ kind: 'defect_obsolete', subject: key, message });
    }
    ledger.compact({ damaged: true });

    const { failed, absent } = plan.settled;
    const files = Object.values(plan.settled).reduce((sum, count) => sum + count);
    if (failed + absent > allowed * files) throw tooManyFailed(plan.settled, files, tally.failures, allowed);
    const { total, records: rows, bytes = 0 } = tally.progress;
    if (odd === 0 && total === 0 && survey !== undefined && listing.failed.length === 0)
      noteNothingWanted(stagingDir, basisWith(ledger.digest), plan.settled);
    return {
      status: total > 0 ? 'success' : 'no-op',
      summary: summaryOf(plan.settled, tally.staged, { rows, bytes, ...stager.stats }),
    };
  },

  standing({ stagingDir }) {
    using ledger = Ledger.open(stagingDir);
    return standingWarnings(ledger);
  },

  async plan(context) {
    const { window, asOf, stagingDir } = context;
    const known = intactEntries(Ledger.open(stagingDir), context);
    const scope = { ...parseKlinesOptions(context), listing: listingOf(context) };
    return planRows({ ...scope, window, asOf, known, asked: new Set() });
  },

  async published({ stagingDir, partitions, ...context }) {
    const isKept = parseKlinesOptions(context).staging_retention === 'keep';
    return isKept ? { files: 0, bytes: 0 } : pruneStaged(stagingDir, await partitions());
  },

  async records({ stagingDir, to, partitions }) {
    if (!existsSync(journalFile(stagingDir))) return;
    await copyFile(journalFile(stagingDir), journalFile(to));
    pruneStaged(to, await partitions());
  },

  async clean({ stagingDir, signal }) {
    return removeStaged(stagingDir, signal);
  },

  async staged({ stagingDir, asOf, output }) {
    const ledger = once(() => Ledger.open(stagingDir));
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

/** The output of a run that found nothing to do. */
interface Output {
  /** Digest of the ledger. */
  readonly ledger: string;
}

/** True if a run covers all symbols, and the markets and timeframes of everything in the ledger. */
function coversLedger({ symbols, instrument_types, timeframes }: KlinesOptions, ledger: Ledger): boolean {
  const isAsked = (key: ArchiveKey) =>
    instrument_types.includes(key.instrument_type) && timeframes.includes(key.timeframe);
  const keys = [...ledger.entries()].flatMap(({ key }) => parseKey(key) ?? []);
  return symbols.length === 0 && keys.every(isAsked);
}

const surveyName = 'staging survey';

/** True if a run has no special demands, so that the findings of an earlier run may show that nothing is wanted. */
function isOrdinary({ relist, rebuild, locked }: ExtractContext, { symbols, known_defects }: KlinesOptions): boolean {
  return !relist && !rebuild && locked === undefined && symbols.length === 0 && known_defects.length === 0;
}

/** Returns the closing figures of a run, in the order in which they are shown. */
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

function tooManyFailed(
  { failed, absent }: Misses,
  files: number,
  failures: readonly Failure[],
  allowed: number,
): PipelineError {
  const [first] = failures;
  const isRefused = absent === 0 && failures.every(({ code }) => code === 'ARCHIVE_REFUSED');
  if (first !== undefined && isRefused) return asError(first);
  const counts = `${failed + absent} of ${files} archives could not be fetched (${failed} failed, ${absent} absent)`;
  const told = first === undefined ? '' : `; the first that failed: ${first.message}`;
  const message = `${counts}, more than the ${allowed * 100} % that max_failed allows${told}`;
  const again =
    'run again: staged archives are kept, and only missing ones are requested again; ' +
    'add --relist to find archives that were re-issued or withdrawn after they were listed';
  return new SourceError('TOO_MANY_FAILED', message, {
    ...(first?.details.url !== undefined && { url: first.details.url }),
    hint: absent > failed ? `check that the archive URL belongs to the listing, then ${again}` : again,
    ...(first !== undefined && { cause: asError(first) }),
  });
}
