import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import type { CommandIo } from '../command.ts';
import { PipelineError } from '../errors.ts';
import { type CopyFormat, copyFormats, type Reader, type ReadQuery } from '../read.ts';
import { terminalOf } from '../report/terminal.ts';
import { type Destination, readSpooled, replaceWhole, resolveOutput, send } from './output.ts';
import { textTable } from './text-table.ts';

export const resultFormats = ['table', 'csv', 'json', 'parquet', 'arrow'] as const;
export type ResultFormat = (typeof resultFormats)[number];

export interface ResultOptions {
  readonly format?: ResultFormat;
  readonly output?: string;
}

/** The form of a result: a picture or a table for people, or a format for programs. */
export type ResultForm =
  | { readonly kind: 'picture' }
  | { readonly kind: 'table' }
  | { readonly kind: 'data'; readonly format: CopyFormat; readonly to: Destination };

const isCopyFormat = (format: string): format is CopyFormat => (copyFormats as readonly string[]).includes(format);

const isText = (format: CopyFormat): boolean => format === 'csv' || format === 'json';

const isTerminal = (stream: CommandIo['stdout']): boolean => 'isTTY' in stream && stream.isTTY === true;

/**
 * Chooses the form that `--format` and `--output` ask for. Without them, and with `--output -`, a terminal shows a
 * picture (or a table, if there is none) and a pipe gets CSV; a file gets the format of its extension. A pipe gets
 * Arrow's stream format.
 * @throws PipelineError USAGE for an impossible form, and as `resolveOutput`
 */
export function chooseForm({ format, output = '-' }: ResultOptions, io: Pick<CommandIo, 'stdout' | 'cwd'>): ResultForm {
  const to = resolveOutput(output, io.cwd);
  if (to.kind === 'stdout') return formOfStdout(format, io);
  if (format === 'table') {
    throw new PipelineError('USAGE', 'a file cannot have the format table', {
      key: '--format',
      value: format,
      hint: 'use csv, json, parquet or arrow',
    });
  }
  const named = extname(output).slice(1).toLowerCase();
  const isFile = to.kind === 'file' || to.isRegular;
  if (format === undefined && isCopyFormat(named)) return { kind: 'data', format: streamed(named, isFile), to };
  // Both are Arrow; the file extension decides.
  if (format !== undefined) {
    const asked = format === 'arrow' && named === 'arrows' ? named : format;
    return { kind: 'data', format: streamed(asked, isFile), to };
  }
  if (!isFile) return { kind: 'data', format: 'csv', to };
  throw new PipelineError('USAGE', `the extension of ${output} does not name a format`, {
    key: '--output',
    value: output,
    hint: `use ${copyFormats.map((one) => `.${one}`).join(', ')}, or choose a format with --format`,
  });
}

function formOfStdout(format: ResultFormat | undefined, io: Pick<CommandIo, 'stdout'>): ResultForm {
  const to = { kind: 'stdout' } as const;
  if (format === undefined) return isTerminal(io.stdout) ? { kind: 'picture' } : { kind: 'data', format: 'csv', to };
  if (format === 'table') return { kind: 'table' };
  if (!isText(format) && isTerminal(io.stdout)) {
    throw new PipelineError('USAGE', `${format} is a binary format, and stdout is a terminal`, {
      key: '--format',
      value: format,
      hint: `write it to a file, as in --output rows.${format}, or to a pipe`,
    });
  }
  return { kind: 'data', format: streamed(format, false), to };
}

/** A destination that cannot be read from its end gets Arrow's stream format. */
const streamed = (format: CopyFormat, isFile: boolean): CopyFormat =>
  format === 'arrow' && !isFile ? 'arrows' : format;

/** Rows taken from the warehouse that wait to be printed. */
export interface TakenResult {
  /** The number of rows; for a table, of those that it shows. */
  readonly count: number;
  /** True if the table shows only as many rows as a person reads. */
  readonly isCut: boolean;
  /** Columns that do not fit the terminal. */
  readonly leftOut: readonly string[];
  /** Called after the warehouse is closed, so that a slow reader of a pipe does not block a build. */
  deliver(): Promise<void>;
}

const tableRows = 1_000;

/** Reads the rows of a query, never all of them into memory. A `record` is one row, shown with a line per column. */
export async function takeResult<DB>(
  reader: Reader<DB>,
  query: ReadQuery<object>,
  form: Exclude<ResultForm, { kind: 'picture' }>,
  options: {
    readonly io: Pick<CommandIo, 'stdout' | 'env'> & Partial<Pick<CommandIo, 'signal'>>;
    readonly record?: boolean;
    /** Units of the values by column, by which a terminal formats them. */
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
  const { format, to } = form;
  if (to.kind === 'file') {
    const count = await replaceWhole(to, (aside) => reader.copy(query, { file: aside, format, metadata }));
    return { count, isCut: false, leftOut: [], deliver: async () => {} };
  }
  const directory = await mkdtemp(join(tmpdir(), 'pipeline-query-'));
  const discard = () => rm(directory, { recursive: true, force: true });
  try {
    const spooled = join(directory, `rows.${format}`);
    const count = await reader.copy(query, { file: spooled, format, metadata });
    const deliver = () => send(readSpooled(spooled, isText(format)), to, io).finally(discard);
    return { count, isCut: false, leftOut: [], deliver };
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
