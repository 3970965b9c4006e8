import { accessSync, constants, existsSync } from 'node:fs';
import path from 'node:path';
import { type ErrorCode, PipelineError } from './errors.ts';

/** A fault of the machine: how Node and DuckDB report it, and the message for the user. */
interface Fault {
  /** Node's codes, followed by a system call if another call gives the code another meaning. */
  readonly errno: readonly string[];
  /** The system's words, since DuckDB's errors carry no code. */
  readonly words: RegExp;
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

const otherPlace = 'or choose another place with --data-dir or --output';
const user = process.getuid?.();

/** docs/errors.md has a row for each, and tests/trials/machine-faults.test.ts provokes them. */
const faults: readonly Fault[] = [
  {
    errno: ['ENOSPC', 'EDQUOT'],
    words: /No space left on device|Disk quota exceeded/,
    code: 'DISK_FULL',
    message: 'the disk is full',
    hint: 'free up space and run again: the run continues where it stopped',
  },
  {
    errno: ['EFBIG'],
    words: /File too large/,
    code: 'DISK_FULL',
    message: 'a file would grow beyond its limit',
    hint: 'raise the limit (ulimit -f) and run again: the run continues where it stopped',
  },
  {
    errno: ['EROFS'],
    words: /Read-only file system/,
    code: 'READ_ONLY',
    message: 'the file system is read-only',
    hint: `mount it writable, ${otherPlace}`,
  },
  {
    errno: ['EACCES', 'EPERM'],
    words: /Permission denied|Operation not permitted/,
    code: 'PERMISSION_DENIED',
    message: `permission denied${user === undefined ? '' : ` to user ${user}`}`,
    hint: `give this user access to it and to the folders above it, run as its owner, ${otherPlace}`,
  },
  {
    errno: ['ENAMETOOLONG'],
    words: /File name too long/,
    code: 'NAME_TOO_LONG',
    message: 'the name is longer than the file system allows (usually 255 bytes)',
    hint: 'choose a shorter name or path',
  },
  {
    errno: ['EMFILE', 'ENFILE'],
    words: /Too many open files/,
    code: 'TOO_MANY_FILES',
    message: 'too many files are open',
    hint: 'raise the limit (ulimit -n 1024) and run again; pnpm pipeline doctor shows the limit',
  },
  {
    errno: ['ENOMEM', 'ERR_WORKER_OUT_OF_MEMORY', 'ERR_MEMORY_ALLOCATION_FAILED'],
    words: /Cannot allocate memory|bad_alloc/,
    code: 'OUT_OF_MEMORY',
    message: 'there is not enough memory',
    hint: 'end other programs or raise the limit (ulimit -v, the memory of the container), and run again',
  },
  {
    errno: ['EISDIR'],
    words: /Is a directory/,
    code: 'PATH_INVALID',
    message: 'expected a file, but this is a folder',
    hint: 'move the folder away, or use another path',
  },
  {
    errno: ['ENOTDIR', 'EEXIST mkdir'],
    words: /Not a directory/,
    code: 'PATH_INVALID',
    message: 'expected a folder, but this is a file',
    hint: 'move the file away, or use another path',
  },
  {
    errno: ['ELOOP'],
    words: /Too many levels of symbolic links/,
    code: 'PATH_INVALID',
    message: 'symbolic links form a cycle',
    hint: 'remove the link, or use another path',
  },
  {
    errno: ['EIO', 'ESTALE'],
    words: /Input\/output error|Stale file handle/,
    code: 'DISK_FAILED',
    message: 'the disk reports an input/output error',
    hint: 'check the disk or the network share (the system log has details), and run again',
  },
];

const byErrno = new Map(faults.flatMap((fault) => fault.errno.map((code) => [code, fault] as const)));

/** The DuckDB errors that may quote the system; others may quote a value of a table. */
const duckdb = /\b(?:IO|TransactionContext|FATAL|INTERNAL) Error: /;
/** The messages of DuckDB, V8 and WebAssembly when they are out of memory. */
const noMemory = /\bOut of Memory Error: |^Array buffer allocation failed|could not allocate memory|^std::bad_alloc/;
const quotedPath = /"([^"\n]*[\\/][^"\n]*)"/g;
/** System calls of the network and of processes: a refused connection or signal is not about a file. */
const noFile = /^(connect|bind|listen|kill|spawn|getaddrinfo|setuid|setgid)/;

/**
 * Returns a fault of the machine under its own code, and any other error as it came.
 * @param file is named if the error names none
 */
export function machineFault(error: unknown, file?: string): unknown {
  if (!(error instanceof Error) || error instanceof PipelineError) return error;
  const { path: own, dest } = error as NodeJS.ErrnoException & { readonly dest?: string };
  const found = byCode(error) ?? byWords(error.message);
  if (found === undefined) return error;
  const { fault, named } = found;
  // A copy's error names the file it reads from first.
  const place =
    fault.code === 'OUT_OF_MEMORY' ? undefined : ((isWriting(fault) ? dest : undefined) ?? own ?? named ?? file);
  // DuckDB says how much memory it needed and how much it may use.
  const [detail = ''] = fault.code === 'OUT_OF_MEMORY' ? error.message.split('\n') : [];
  return new PipelineError(fault.code, detail === '' ? fault.message : `${fault.message}: ${detail}`, {
    ...(place !== undefined && { file: place }),
    hint: fault.hint,
    cause: error,
  });
}

interface Found {
  readonly fault: Fault;
  readonly named?: string | undefined;
}

const isWriting = ({ code }: Fault): boolean => code === 'DISK_FULL' || code === 'READ_ONLY';

function byCode({ code = '', syscall = '', path: file }: NodeJS.ErrnoException): Found | undefined {
  if (noFile.test(syscall) && code !== 'EMFILE' && code !== 'ENFILE') return undefined;
  const missing = code === 'ENOENT' && syscall === 'mkdir' && file !== undefined && isReadOnly(file);
  const fault = byErrno.get(missing ? 'EROFS' : code) ?? byErrno.get(`${code} ${syscall}`);
  return fault && { fault };
}

/** Node's recursive mkdir reports ENOENT on a read-only file system. */
function isReadOnly(folder: string): boolean {
  if (!existsSync(folder) && path.dirname(folder) !== folder) return isReadOnly(path.dirname(folder));
  try {
    accessSync(folder, constants.W_OK);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EROFS';
  }
}

function byWords(message: string): Found | undefined {
  if (noMemory.test(message)) return { fault: byErrno.get('ENOMEM') as Fault };
  if (!duckdb.test(message)) return undefined;
  for (const fault of faults) {
    const said = fault.words.exec(message);
    if (said !== null) return { fault, named: [...message.slice(0, said.index).matchAll(quotedPath)].at(-1)?.[1] };
  }
  return undefined;
}
