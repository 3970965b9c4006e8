import { createReadStream, existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, extname, join, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { CommandIo } from '../command.ts';
import { PipelineError } from '../errors.ts';
import { type CopyFormat, copyFormats, type Reader, type ReadQuery } from '../read.ts';
import { terminalOf } from '../report/terminal.ts';
import { textTable } from './text-table.ts';

export const resultFormats = ['table', 'csv', 'json', 'parquet', 'arrow'] as const;
export type ResultFormat = (typeof resultFormats)[number];

export interface ResultOptions {
  readonly format?: ResultFormat;
  readonly output?: string;
}

/** How rows leave a command: for a person to look at, or as a file in a format for programs. */
export type ResultForm =
  | { readonly kind: 'picture' }
  | { readonly kind: 'table' }
  | { readonly kind: 'data'; readonly format: CopyFormat; readonly file: string | undefined };

const isCopyFormat = (format: string): format is CopyFormat => (copyFormats as readonly string[]).includes(format);

const isText = (format: CopyFormat): boolean => format === 'csv' || format === 'json';

const isTerminal = (stream: CommandIo['stdout']): boolean => 'isTTY' in stream && stream.isTTY === true;

/**
 * The form that `--format` and `--output` ask for. Without them a terminal shows a picture (or, where there is none, a
 * table) and a pipe gets CSV; a file is written in the format of its name. Of Arrow a pipe gets the stream.
 * @throws PipelineError USAGE for a form that cannot be
 */
export function chooseForm({ format, output }: ResultOptions, io: Pick<CommandIo, 'stdout' | 'cwd'>): ResultForm {
  const file = output === undefined ? undefined : resolve(io.cwd, output);
  const named = file === undefined ? undefined : extname(file).slice(1);
  // Both are Arrow: the name of the file says which.
  const asked = format === 'arrow' && named === 'arrows' ? named : (format ?? named);
  if (file === undefined) {
    if (asked === undefined) return isTerminal(io.stdout) ? { kind: 'picture' } : dataForm('csv', file);
    if (!isCopyFormat(asked)) return { kind: 'table' };
    if (!isText(asked) && isTerminal(io.stdout)) {
      throw new PipelineError('USAGE', `${asked} is no text for a terminal`, {
        key: '--format',
        value: asked,
        hint: `name a file, as in --output rows.${asked}, or send it through a pipe`,
      });
    }
    return dataForm(asked === 'arrow' ? 'arrows' : asked, file);
  }
  if (format === 'table') {
    throw new PipelineError('USAGE', 'a table is for a terminal and no format of a file', {
      key: '--format',
      value: format,
      hint: 'write csv, json, parquet or arrow',
    });
  }
  if (!existsSync(dirname(file))) {
    throw new PipelineError('USAGE', `there is no folder ${dirname(file)}`, {
      key: '--output',
      value: output as string,
    });
  }
  return dataForm(asked !== undefined && isCopyFormat(asked) ? asked : 'csv', file);
}

const dataForm = (format: CopyFormat, file: string | undefined): ResultForm => ({ kind: 'data', format, file });

/** Rows that are taken from the warehouse and wait to be printed. */
export interface TakenResult {
  /** Their number; of a table, of the rows that it shows. */
  readonly count: number;
  /** A table shows no more than a person reads. */
  readonly isCut: boolean;
  /** Columns that the terminal has no room for. */
  readonly leftOut: readonly string[];
  /** Called when the warehouse is closed again, so that a slow reader of a pipe keeps no build from it. */
  deliver(): Promise<void>;
}

const tableRows = 1_000;

/** Takes the rows of a query, never all of them into memory. A `record` is one row, shown a line a column. */
export async function takeResult<DB>(
  reader: Reader<DB>,
  query: ReadQuery<object>,
  form: Exclude<ResultForm, { kind: 'picture' }>,
  options: {
    readonly io: Pick<CommandIo, 'stdout' | 'env'>;
    readonly record?: boolean;
    /** What values count, by column: a terminal formats them by it. */
    readonly units?: Readonly<Record<string, string | undefined>>;
    readonly metadata?: Readonly<Record<string, string>>;
  },
): Promise<TakenResult> {
  const { io, record = false, units = {}, metadata = {} } = options;
  if (form.kind === 'table') {
    const found = await reader.texts(query, tableRows + 1);
    const rows = found.rows.slice(0, tableRows);
    const terminal = terminalOf(io.stdout, io.env);
    const { lines, leftOut } = textTable({ ...found, rows }, { terminal, record, units });
    return { ...lineResult(lines, io), count: rows.length, isCut: found.rows.length > rows.length, leftOut };
  }
  const { format, file } = form;
  if (file !== undefined) {
    const aside = `${file}.tmp`;
    try {
      const count = await reader.copy(query, { file: aside, format, metadata });
      await rename(aside, file);
      return { count, isCut: false, leftOut: [], deliver: async () => {} };
    } finally {
      await rm(aside, { force: true });
    }
  }
  const directory = await mkdtemp(join(tmpdir(), 'klinehouse-query-'));
  const discard = () => rm(directory, { recursive: true, force: true });
  try {
    const spooled = join(directory, `rows.${format}`);
    const count = await reader.copy(query, { file: spooled, format, metadata });
    return { count, isCut: false, leftOut: [], deliver: () => send(spooled, format, io).finally(discard) };
  } catch (error) {
    await discard();
    throw error;
  }
}

/** Lines that wait to be printed. */
export function lineResult(lines: readonly string[], io: Pick<CommandIo, 'stdout'>): TakenResult {
  return {
    count: lines.length,
    isCut: false,
    leftOut: [],
    async deliver() {
      io.stdout.write(lines.map((line) => `${line}\n`).join(''));
    },
  };
}

async function send(file: string, format: CopyFormat, io: Pick<CommandIo, 'stdout'>): Promise<void> {
  try {
    await pipeline(createReadStream(file, isText(format) ? { encoding: 'utf8' } : {}), io.stdout, { end: false });
  } catch (error) {
    // `query … | head` closes the pipe early; that is no failure.
    if (!['EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
}
