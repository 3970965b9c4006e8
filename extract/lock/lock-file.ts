import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import {
  type CommandIo,
  type GlobalOptions,
  openContext,
  resolveOutput,
  sourcesLock,
  writeText,
} from '../../engine/for-commands.ts';
import { countOf } from '../../engine/index.ts';
import { parseKey } from '../../exchange/keys.ts';
import { SourceError } from '../failure.ts';
import type { LedgerEntry } from '../staging/journal.ts';
import { Ledger } from '../staging/ledger.ts';

/** An archive as it was when the lock was written. */
export interface LockedArchive {
  readonly key: string;
  readonly size_bytes: number;
  readonly etag: string;
  /** SHA-256 of the zip, or what became of the archive where its rows were not staged: `rejected`, `absent`. */
  readonly sha256: string;
}

const firstLine = /^# sources\.lock 1, target \S+: key size etag sha256$/;
const line = /^(\S.*) (\d+) (\S+) ([0-9a-f]{64}|rejected|absent)$/;

/** Returns the locked form of a ledger entry; nothing for an archive that gave no answer. */
export function lockedAs({ key, size_bytes, etag, status, sha256 }: LedgerEntry): LockedArchive | undefined {
  const answer = status === 'staged' ? sha256 : status;
  return answer === undefined || answer === 'failed' ? undefined : { key, size_bytes, etag, sha256: answer };
}

/** The text of a lock: a line an archive, sorted by key, so that the same archives give the same bytes. */
export function formatLock(target: string, archives: readonly LockedArchive[]): string {
  const lines = archives
    .toSorted((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ key, size_bytes, etag, sha256 }) => `${key} ${size_bytes} ${etag} ${sha256}\n`);
  return `# sources.lock 1, target ${target}: key size etag sha256\n${lines.join('')}`;
}

/** By key. Throws LOCK_INVALID where there is none, and for a line that is none. */
export function readLock(file: string): ReadonlyMap<string, LockedArchive> {
  const [head = '', ...lines] = textOf(file).split('\n');
  if (!firstLine.test(head)) throw invalid(file, 1, 'it does not begin like a sources.lock of this version');
  // A file that is cut in the middle of a line has no newline at its end.
  if (lines.pop() !== '') throw invalid(file, lines.length + 2, 'it is cut');
  const archives = new Map<string, LockedArchive>();
  for (const [at, text] of lines.entries()) {
    const [, key = '', size, etag = '', sha256 = ''] = line.exec(text) ?? [];
    if (parseKey(key) === undefined) throw invalid(file, at + 2, 'the line is no archive with size, ETag and SHA-256');
    archives.set(key, { key, size_bytes: Number(size), etag, sha256 });
  }
  return archives;
}

const writeIt = 'write it with pnpm pipeline archive lock';

const invalid = (file: string, at: number, message: string) =>
  new SourceError('LOCK_INVALID', message, { file, line: at, hint: `bring the file back, or ${writeIt}` });

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw new SourceError('LOCK_INVALID', 'the lock that --locked asks for cannot be read', {
      file,
      hint: `run without --locked, then ${writeIt}`,
      cause,
    });
  }
}

/** `pnpm pipeline archive lock`. */
export function addLockCommand(parent: Command, io: CommandIo): void {
  parent
    .command('lock')
    .description('Writes which archives the target is built from, for run --locked.')
    .option('--output <file>', 'default: sources.lock beside pipeline.yaml')
    .action((_, own: Command) => lock(io, own.optsWithGlobals()));
}

async function lock(io: CommandIo, options: GlobalOptions & { readonly output?: string }): Promise<void> {
  const { pipeline, target, paths } = await openContext(io, options);
  const to = resolveOutput(options.output ?? sourcesLock(pipeline.root), io.cwd);
  const ledger = Ledger.open(paths.staging);
  ledger.expectWhole();
  const entries = [...ledger.entries()];
  const archives = entries.map(lockedAs).filter((archive) => archive !== undefined);
  await writeText(formatLock(target.name, archives), to, io);
  const open = entries.length - archives.length;
  if (open > 0)
    io.stderr.write(
      `${countOf(open, 'archive gave no answer and is left out', 'archives gave no answer and are left out')}\n`,
    );
  const [file, notes] = to.kind === 'stdout' ? ['stdout', io.stderr] : [to.file, io.stdout];
  notes.write(`${file}: ${countOf(archives.length, 'archive')} of target ${target.name}\n`);
}
