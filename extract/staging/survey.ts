import { once } from 'node:events';
import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { parseKey } from '../../exchange/keys.ts';
import { indexLines, type LedgerEntry, parseEntry, readJournal } from './journal.ts';
import type { Ledger } from './ledger.ts';
import { journalFile, stagedFile } from './paths.ts';

/** The findings of a survey of all staged files. */
export interface Survey {
  /** Digest of the ledger that it went by. */
  readonly ledger: string;
  /** Keys of staged archives whose CSV is gone, or of another size than the ledger says. */
  readonly broken: ReadonlySet<string>;
}

/** True if the CSV of an entry is there, with the size it was staged with. */
function isThere(stagingDir: string, { key, csv_bytes }: LedgerEntry): boolean {
  const parsed = parseKey(key);
  const found = parsed && statSync(stagedFile(stagingDir, parsed), { throwIfNoEntry: false });
  return found !== undefined && found.size === csv_bytes;
}

/** It loads nothing of the engine, since a thread would have to load that anew. */
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

/** A survey that is under way, or none. */
export interface PendingSurvey extends AsyncDisposable {
  /** The findings; only once, since they describe the time before the run. */
  take(): Promise<Survey> | undefined;
}

export const noSurvey: PendingSurvey = { take: () => undefined, [Symbol.asyncDispose]: async () => {} };

/** Bytes of a journal below which all is looked at before a thread has started. */
const worthThread = 4 * 1024 * 1024;

/** Begins to look at every staged file on a thread of its own, so that it is done by the time the archive is listed. */
export function beginSurvey(stagingDir: string, signal: AbortSignal, smallest = worthThread): PendingSurvey {
  const size = statSync(journalFile(stagingDir), { throwIfNoEntry: false })?.size ?? 0;
  if (size < smallest) return noSurvey;
  const thread = new Worker(new URL('./survey-thread.ts', import.meta.url), { workerData: stagingDir, execArgv: [] });
  const found = once(thread, 'message', { signal }).then(([survey]) => survey as Survey);
  found.catch(() => {}); // whoever takes it is told
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
 * What the ledger has of a key, unless the CSV that it tells of is gone or of another size. One that was pruned need not be
 * there, but in a rebuild. What this run has asked for is not looked at again: it has just put it there. Where there is a
 * survey, no file is looked at.
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
