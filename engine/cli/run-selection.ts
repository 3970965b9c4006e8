import type { CommandIo } from '../command.ts';
import { PipelineError } from '../errors.ts';
import { type BuildOptions, build } from './build.ts';

export interface RunSelectionOptions extends Omit<BuildOptions, 'select'> {
  readonly select: readonly string[];
}

/**
 * `run --select …` within a command or a program: all it prints goes to stderr, since stdout is for the answer.
 * @throws PipelineError what the run could not begin with, or what its first node failed with
 */
export async function runSelection(io: CommandIo, options: RunSelectionOptions): Promise<void> {
  const { stderr, signal } = io;
  const words = Object.entries({ '--select': options.select, '--var': options.var ?? [] });
  const argv = ['run', ...words.flatMap(([flag, values]) => values.flatMap((value) => [flag, value]))];
  const { exitCode, failure } = await build(
    { ...io, stdout: stderr, argv, print: (line) => stderr.write(`${line}\n`), finish: () => {} },
    'run',
    options,
  );
  signal.throwIfAborted();
  if (exitCode === 0) return;
  throw failure ?? new PipelineError('TEST_FAILED', `a test of ${options.select.join(' ')} failed, as told above`);
}
