import { PipelineError } from './errors.ts';

const full = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);
/** DuckDB's errors carry no code, only the system's words, and the file before them. */
const words = /No space left on device|Disk quota exceeded|File too large/;
const quotedPath = /"([^"\n]*[\\/][^"\n]*)"/g;

/** A full disk said as what it is; any other error as it came. `file` is told where the error names none. */
export function diskError(error: unknown, file?: string): unknown {
  if (!(error instanceof Error) || error instanceof PipelineError) return error;
  const { code = '', path } = error as NodeJS.ErrnoException;
  const said = full.has(code) ? undefined : words.exec(error.message);
  if (said === null) return error;
  const named = said && [...error.message.slice(0, said.index).matchAll(quotedPath)].at(-1)?.[1];
  const place = path ?? named ?? file;
  const isLimit = code === 'EFBIG' || said?.[0] === 'File too large';
  return new PipelineError('DISK_FULL', isLimit ? 'a file would grow beyond its limit' : 'the disk is full', {
    ...(place !== undefined && { file: place }),
    hint: isLimit
      ? 'raise the limit (ulimit -f), then run again: it goes on where it stopped'
      : 'make room, then run again: it goes on where it stopped',
    cause: error,
  });
}
