import { type BigIntStats, closeSync, lstatSync, openSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { PipelineError } from '../errors.ts';

/** SQLite's primary result codes. */
const busy = 5;
const notADatabase = 26;

/**
 * Takes the kernel's lock on a file; returns undefined if someone else has it. The kernel releases the lock when the
 * process ends, and it works across PID namespaces. Node has no call for it, but its SQLite locks the database that it
 * writes to: here an empty file that nothing is ever written to. SQLite also separates two holders in one process,
 * which the kernel does not. Nothing else may open the file, since closing it would release the lock.
 * @throws PipelineError RUN_LOCK_INVALID if something else is in its place, or if it cannot be locked; a Node error if
 * it cannot be created
 */
export function takeMutex(file: string): Disposable | undefined {
  const before = identityOf(file) ?? create(file);
  const database = open(file);
  try {
    // In memory, since the journal of a database that is never written to would only be one more file in the folder.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (codeOf(error) === busy) return undefined;
    throw unusable(file, error);
  }
  // The last holder removed the file between the two steps: the lock is on a file that nobody else will find.
  if (identityOf(file) !== before) {
    database.close();
    return undefined;
  }
  return {
    [Symbol.dispose]() {
      rmSync(file, { force: true });
      database.close();
    },
  };
}

/** Distinguishes a file from a later one of the same name, even with the same inode; undefined if there is none. */
function identityOf(file: string): string | undefined {
  const stats: BigIntStats | undefined = lstatSync(file, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (!stats.isFile()) throw invalid(file, 'is not a file');
  return `${stats.dev} ${stats.ino} ${stats.ctimeNs}`;
}

/** If another process creates it at the same moment, that file is used. */
function create(file: string): string | undefined {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return identityOf(file);
}

function open(file: string): DatabaseSync {
  try {
    return new DatabaseSync(file, { timeout: 0 });
  } catch (error) {
    throw unusable(file, error);
  }
}

const codeOf = (error: unknown): number => ((error as { errcode?: number }).errcode ?? 0) & 0xff;

const unusable = (file: string, error: unknown): PipelineError =>
  codeOf(error) === notADatabase
    ? invalid(file, 'was not made by a run')
    : invalid(file, `cannot be locked: ${(error as Error).message}`, error);

const invalid = (file: string, problem: string, cause?: unknown): PipelineError =>
  new PipelineError('RUN_LOCK_INVALID', `the lock of the target ${problem}`, {
    file,
    hint: 'if no run of this target is in progress, remove it; otherwise check its owner and permissions, and that the file system supports locks',
    cause,
  });
