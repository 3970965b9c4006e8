import type { CommandIo } from '../command.ts';
import { toJsonLine } from '../report/json.ts';
import type { GlobalOptions } from './options.ts';

/** Writes a line of log to stderr. */
export type Note = (message: string, level?: 'info' | 'warn') => void;

/** Notes as `--quiet` and `--log-format` want them. */
export function createNotes(io: CommandIo, { quiet, logFormat }: Pick<GlobalOptions, 'quiet' | 'logFormat'>): Note {
  return (message, level = 'info') => {
    if (quiet) return;
    const record = () => toJsonLine({ ts: io.now().toISOString(), level, type: 'log', message });
    io.stderr.write(`${logFormat === 'json' ? record() : message}\n`);
  };
}
