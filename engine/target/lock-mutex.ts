import { type BigIntStats, closeSync, lstatSync, openSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { PipelineError } from '../errors.ts';

/** SQLite's primary result codes. */
const busy = 5;
const notADatabase = 26;

/**
 * Takes the kernel's lock on a file, or returns undefined while someone else has it. The kernel ends the lock together
 * with its process, and knows it in every PID namespace. Node has no call for it, but its SQLite locks the database that
 * it writes to: an empty file that nothing is ever written to. SQLite also tells apart two holders in one process, which
 * the kernel does not. Nothing else may open the file: to close it would end the lock.
 * @throws PipelineError RUN_LOCK_INVALID for anything else in its place, and where it cannot be locked; as Node where it
 *   cannot be made
 */
export function takeMutex(file: string): Disposable | undefined {
  const before = identityOf(file) ?? create(file);
  const database = open(file);
  try {
    // The journal of a database that nothing is written to would only be one more file in the folder.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (codeOf(error) === busy) return undefined;
    throw unusable(file, error);
  }
  // Its last holder has removed it between the two steps: the lock is on a file that nobody else will find.
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

/** Tells a file from a later one of the same name, even of the same inode; undefined where there is none. */
function identityOf(file: string): string | undefined {
  const stats: BigIntStats | undefined = lstatSync(file, { bigint: true, throwIfNoEntry: false });
  if (stats === undefined) return undefined;
  if (!stats.isFile()) throw invalid(file, 'is not a file');
  return `${stats.dev} ${stats.ino} ${stats.ctimeNs}`;
}

/** Where another process makes it at the same moment, that is the file. */
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
    hint: 'if no run of this target is under way, remove it; else see its owner and permissions, and whether the file system has locks',
    cause,
  });
