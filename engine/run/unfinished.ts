import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import { diskError } from '../disk-error.ts';
import { PipelineError } from '../errors.ts';
import { hidden } from '../secrets.ts';

/** Of `run_results.json`. Raised when the fields that `retry` reads change. */
export const resultsFormat = 1;

const finished = ['pass', 'warn', 'no-op', 'reused'] as const;
const unfinished = ['error', 'skip'] as const;

/** What `retry` reads of `run_results.json`; all else of it is for people and other programs. */
const runResults = z.object({
  metadata: z.object({
    format: z.literal(resultsFormat),
    target: z.string(),
    argv: z.tuple([z.enum(['run', 'test'])], z.string()),
  }),
  results: z.array(z.object({ unique_id: z.string(), status: z.enum([...finished, ...unfinished]) })),
});

/** The words of a command line, and the nodes that it is to be done again for. */
export interface Unfinished {
  readonly argv: readonly [command: 'run' | 'test', ...words: string[]];
  readonly nodes: readonly string[];
}

/**
 * The last command of a target, and the nodes of it that failed or were skipped.
 * @param nodeIds of the pipeline as it is now
 * @throws PipelineError USAGE where there was none, or where its words had a secret, which is not stored; ARTIFACT_INVALID where the file is not as a run of this target writes it
 */
export async function readUnfinished(
  artifacts: string,
  options: { readonly target: string; readonly nodeIds: ReadonlySet<string> },
): Promise<Unfinished> {
  const file = path.join(artifacts, 'run_results.json');
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw diskError(error, file);
    throw new PipelineError('USAGE', 'there is no last run to retry', { file, hint: 'begin with: pnpm pipeline run' });
  });
  const parsed = runResults.safeParse(parseJson(text));
  if (!parsed.success) throw invalid(file, `this is not what a run writes: ${z.prettifyError(parsed.error)}`);
  const { metadata, results } = parsed.data;
  const secret = metadata.argv.find((word) => word.includes(hidden));
  if (secret !== undefined) {
    throw new PipelineError('USAGE', 'the last command had a password or a query in a URL, which is not stored', {
      value: secret,
      hint: 'run the whole command again: what ended well is not built again',
    });
  }
  if (metadata.target !== options.target) {
    throw invalid(file, `it is of the target ${metadata.target}, not of ${options.target}`);
  }
  const unknown = results.find(({ unique_id }) => !options.nodeIds.has(unique_id));
  if (unknown !== undefined) throw invalid(file, `the pipeline has no node ${unknown.unique_id}`);
  const isUnfinished = (status: string): boolean => (unfinished as readonly string[]).includes(status);
  return {
    argv: metadata.argv,
    nodes: results.filter(({ status }) => isUnfinished(status)).map(({ unique_id }) => unique_id),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** For a file of artifacts that is not executed. */
export const invalid = (file: string, problem: string): PipelineError =>
  new PipelineError('ARTIFACT_INVALID', `${problem}; nothing was executed`, {
    file,
    hint: 'run the command itself: pnpm pipeline run',
  });
