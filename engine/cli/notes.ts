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
    io.stderr.write(`${logFormat === 'json' ? record() : wrapped(message, widthOf(io.stderr))}\n`);
  };
}

/** Of a terminal; a file has none. */
const widthOf = (stream: CommandIo['stderr']): number =>
  'isTTY' in stream && stream.isTTY ? stream.columns : Number.POSITIVE_INFINITY;

/** Broken between words, where the line of a terminal ends. */
function wrapped(message: string, width: number): string {
  let used = 0;
  let text = '';
  for (const word of message.split(' ')) {
    const isFirst = text === '';
    const breaks = !isFirst && used + 1 + word.length > width;
    text += isFirst ? word : breaks ? `\n  ${word}` : ` ${word}`;
    used = isFirst ? word.length : (breaks ? 2 : used + 1) + word.length;
  }
  return text;
}
