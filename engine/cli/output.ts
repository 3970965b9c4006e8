import { randomUUID } from 'node:crypto';
import { accessSync, constants, createReadStream, existsSync, lstatSync, readlinkSync, statSync } from 'node:fs';
import { chmod, type FileHandle, open } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { CommandIo } from '../command.ts';
import { writeAside } from '../disk.ts';
import { PipelineError } from '../errors.ts';
import { machineFault } from '../machine-fault.ts';

/** The destination of a result, as with a shell's `>`. */
export type Destination =
  | { readonly kind: 'stdout' }
  /** A new file, or one that is replaced whole. Links are followed. */
  | { readonly kind: 'file'; readonly file: string; readonly mode?: number }
  /** A device, a pipe, or a file that has to stay the same file: it is opened and written. */
  | { readonly kind: 'direct'; readonly file: string; readonly isRegular: boolean };

const stdoutNames: ReadonlySet<string> = new Set(['/dev/stdout', '/dev/fd/1', '/proc/self/fd/1']);
/** Links to open files of a process, which have no path. */
const openFile = /^\/(dev|proc\/[^/]+)\/fd\/\d+$|^\/dev\/std(in|err)$/;

/**
 * Returns the destination that `--output` names; `-` is stdout.
 * @throws PipelineError USAGE if it cannot be written to: a folder, a socket, a path in a missing folder; Node's error
 *   if permission is denied
 */
export function resolveOutput(output: string, cwd: string): Destination {
  if (output === '-') return { kind: 'stdout' };
  const named = resolve(cwd, output);
  if (stdoutNames.has(named)) return { kind: 'stdout' };
  const refuse = (problem: string) => new PipelineError('USAGE', problem, { key: '--output', value: output });
  const stats = statSync(named, { throwIfNoEntry: false });
  if (stats?.isDirectory()) throw refuse(`${named} is a folder, not a file`);
  if (stats?.isSocket()) throw refuse(`${named} is a socket, which cannot be opened`);
  if (stats !== undefined) accessSync(named, constants.W_OK);
  if (stats !== undefined && (!stats.isFile() || openFile.test(named))) {
    return { kind: 'direct', file: named, isRegular: stats.isFile() };
  }
  const file = follow(named, refuse);
  if (!existsSync(dirname(file))) throw refuse(`the folder ${dirname(file)} does not exist`);
  // A new file would break hard links, and cannot be created in a read-only folder.
  if (stats !== undefined && (stats.nlink > 1 || !isWritable(dirname(file)))) {
    return { kind: 'direct', file, isRegular: true };
  }
  return { kind: 'file', file, ...(stats !== undefined && { mode: stats.mode & 0o7777 }) };
}

type Refuse = (problem: string) => PipelineError;

function isWritable(file: string): boolean {
  try {
    accessSync(file, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

const mostLinks = 40;

/** Returns the file at the end of a chain of links, which need not exist yet. */
function follow(named: string, refuse: Refuse): string {
  let file = named;
  for (let links = 0; links < mostLinks; links++) {
    if (!lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink()) return file;
    file = resolve(dirname(file), readlinkSync(file));
  }
  throw refuse(`${named} is a link to itself, or a chain of more than ${mostLinks} links`);
}

/** Replaces a file with one that `write` creates next to it, under a unique name. */
export function replaceWhole<T>(
  { file, mode }: Extract<Destination, { kind: 'file' }>,
  write: (aside: string) => Promise<T>,
): Promise<T> {
  const own = join(dirname(file), `.${basename(file)}.${randomUUID().slice(0, 8)}.part`);
  const writeWithMode = async (aside: string): Promise<T> => {
    const written = await write(aside);
    if (mode !== undefined) await chmod(aside, mode);
    return written;
  };
  return writeAside(file, writeWithMode, own);
}

type Io = Pick<CommandIo, 'stdout'> & Partial<Pick<CommandIo, 'signal'>>;

/** Sends bytes to stdout or an opened destination. A reader that closes the pipe early is not a failure. */
export async function send(
  source: Readable,
  to: Exclude<Destination, { kind: 'file' }>,
  { stdout, signal }: Io,
): Promise<void> {
  try {
    if (to.kind === 'stdout') return await pipeline(source, stdout, { end: false });
    const handle = await openDirect(to, signal);
    await pipeline(source, handle.createWriteStream());
  } catch (error) {
    // `query … | head` closes the pipe early.
    if (['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes((error as NodeJS.ErrnoException).code ?? '')) return;
    throw machineFault(error, to.kind === 'stdout' ? to.kind : to.file);
  }
}

/** Writes text as a result: replaces the file, or sends it. */
export async function writeText(text: string, to: Destination, io: Io): Promise<void> {
  if (to.kind !== 'file') return send(Readable.from([text]), to, io);
  await replaceWhole(to, async (aside) => {
    await using handle = await open(aside, 'wx');
    await handle.writeFile(text);
    await handle.sync();
  });
}

export const readSpooled = (file: string, isText: boolean): Readable =>
  createReadStream(file, isText ? { encoding: 'utf8' } : {});

const pollMs = 50;

/** Opens a pipe when somebody reads it, like a shell; Ctrl-C ends the wait. */
async function openDirect(
  { file, isRegular }: Extract<Destination, { kind: 'direct' }>,
  signal: AbortSignal | undefined,
): Promise<FileHandle> {
  const { O_WRONLY, O_NONBLOCK, O_TRUNC } = constants;
  if (isRegular) return open(file, O_WRONLY | O_TRUNC);
  for (;;) {
    signal?.throwIfAborted();
    try {
      // Opening a pipe without a reader would block a thread forever.
      await using _reader = await open(file, O_WRONLY | O_NONBLOCK);
      return await open(file, O_WRONLY);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') throw error;
      await sleep(pollMs, undefined, signal === undefined ? {} : { signal });
    }
  }
}
