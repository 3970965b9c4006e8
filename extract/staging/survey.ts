import { once } from 'node:events';
import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { parseKey } from '../../exchange/keys.ts';
import { indexLines, type LedgerEntry, parseEntry, readJournal } from './journal.ts';
import type { Ledger } from './ledger.ts';
import { journalFile, stagedFile } from './paths.ts';

/** The result of a survey of all staged files. */
export interface Survey {
  /** The digest of the ledger that it is based on. */
  readonly ledger: string;
  /** Keys of staged archives whose CSV is missing, or does not have the size in the ledger. */
  readonly broken: ReadonlySet<string>;
}

/** True if the CSV of an entry exists and has the size with which it was staged. */
function isThere(stagingDir: string, { key, csv_bytes }: LedgerEntry): boolean {
  const parsed = parseKey(key);
  const found = parsed && statSync(stagedFile(stagingDir, parsed), { throwIfNoEntry: false });
  return found !== undefined && found.size === csv_bytes;
}

/** Surveys all staged files. Loads nothing of the engine, since the survey's thread would have to load it again. */
export function surveyStaged(stagingDir: string): Survey {
  const { texts, hash } = readJournal(journalFile(stagingDir));
  const latest = new Map<string, string>();
  indexLines(texts, latest);
  const broken = new Set<string>();
  for (const line of latest.values()) {
    const entry = parseEntry(line);
    if (entry?.status === 'staged' && !entry.pruned && !isThere(stagingDir, entry)) broken.add(entry.key);
  }
  return { ledger: hash.digest('hex'), broken };
}

/** A survey in progress, or none. */
export interface PendingSurvey extends AsyncDisposable {
  /** Returns the result, but only once, since it describes the state before the run. */
  take(): Promise<Survey> | undefined;
}

export const noSurvey: PendingSurvey = { take: () => undefined, [Symbol.asyncDispose]: async () => {} };

/** Bytes of a journal from which a thread is worth starting. Smaller ones are checked faster without it. */
const worthThread = 4 * 1024 * 1024;

/** Starts checking every staged file on a thread of its own, so that it is done by the time the archive is listed. */
export function beginSurvey(stagingDir: string, signal: AbortSignal, smallest = worthThread): PendingSurvey {
  const size = statSync(journalFile(stagingDir), { throwIfNoEntry: false })?.size ?? 0;
  if (size < smallest) return noSurvey;
  const thread = new Worker(new URL('./survey-thread.ts', import.meta.url), { workerData: stagingDir, execArgv: [] });
  const found = once(thread, 'message', { signal }).then(([survey]) => survey as Survey);
  found.catch(() => {}); // the error reaches whoever takes it
  let left: Promise<Survey> | undefined = found;
  return {
    take() {
      const taken = left;
      left = undefined;
      return taken;
    },
    async [Symbol.asyncDispose]() {
      await thread.terminate();
    },
  };
}

/**
 * Returns a function that looks up a key in the ledger, and ignores entries whose CSV is missing or has another size.
 * Pruned CSVs need not exist, except in a rebuild. Archives in `asked` are not checked, since this run has just staged
 * them. If there is a survey, it is used instead of checking files.
 */
export function intactEntries(
  ledger: Ledger,
  { stagingDir, rebuild }: { readonly stagingDir: string; readonly rebuild: boolean },
  asked: ReadonlySet<string> = new Set(),
  survey?: Survey,
): (key: string) => LedgerEntry | undefined {
  const intact = new Set<string>();
  const isIntact = (entry: LedgerEntry): boolean => {
    if (survey !== undefined) return !survey.broken.has(entry.key);
    if (!intact.has(entry.key) && isThere(stagingDir, entry)) intact.add(entry.key);
    return intact.has(entry.key);
  };
  return (key) => {
    const entry = ledger.get(key);
    if (entry?.status !== 'staged' || asked.has(key)) return entry;
    if (entry.pruned) return rebuild ? undefined : entry;
    return isIntact(entry) ? entry : undefined;
  };
}
