import { PipelineError } from './errors.ts';

/** The fewest open files that a run needs: Node's own, the warehouse, and a few connections. */
const leastOpenFiles = 64;

/** This process's limit on open files, which Node has raised as far as it may; Infinity if there is none. */
export function openFileLimit(): number {
  // Node has this switch; its types do not. Without it, the report resolves the name of every peer.
  const report = process.report as typeof process.report & { excludeNetwork: boolean };
  const { excludeNetwork } = report;
  report.excludeNetwork = true;
  const { userLimits } = report.getReport() as { userLimits?: { open_files: { soft: number | string } } };
  report.excludeNetwork = excludeNetwork;
  const soft = userLimits?.open_files.soft;
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY;
}

/** @throws PipelineError TOO_MANY_FILES if the limit is too low for a run; @returns the limit */
export function expectOpenFiles(limit = openFileLimit()): number {
  if (limit >= leastOpenFiles) return limit;
  throw new PipelineError('TOO_MANY_FILES', `only ${limit} files may be open, but a run needs ${leastOpenFiles}`, {
    hint: `raise the limit: ulimit -n 1024, or at least ulimit -n ${leastOpenFiles}`,
  });
}
