import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { PipelineError } from '../errors.ts';
import type { NodeStatus } from '../events.ts';
import { hidden } from '../secrets.ts';

/** What `run_results.json` says that is needed to go on from it. */
interface RunResults {
  readonly metadata: { readonly argv: readonly string[] };
  readonly results: readonly { readonly unique_id: string; readonly status: NodeStatus }[];
}

/**
 * The words of the last command of a target, and the nodes of it that failed or were skipped.
 * @throws PipelineError USAGE where there was none, or where its words had a secret, which is not stored
 */
export async function readUnfinished(
  artifacts: string,
): Promise<{ readonly argv: readonly string[]; readonly nodes: readonly string[] }> {
  const file = path.join(artifacts, 'run_results.json');
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error;
    throw new PipelineError('USAGE', 'there is no last run to retry', { file, hint: 'begin with: pnpm pipeline run' });
  });
  const { metadata, results } = JSON.parse(text) as RunResults;
  const secret = metadata.argv.find((word) => word.includes(hidden));
  if (secret !== undefined) {
    throw new PipelineError('USAGE', 'the last command had a password or a query in a URL, which is not stored', {
      value: secret,
      hint: 'run the whole command again: what ended well is not built again',
    });
  }
  const nodes = results.flatMap(({ unique_id, status }) =>
    status === 'error' || status === 'skip' ? [unique_id] : [],
  );
  return { argv: metadata.argv, nodes };
}
