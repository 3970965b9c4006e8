import { PipelineError } from './errors.ts';

/** Open files that a run needs on its narrowest path: Node's own, the warehouse, and a few connections. */
const leastOpenFiles = 64;

/** The limit on open files of this process, which Node has raised as far as it may; infinite where there is none. */
export function openFileLimit(): number {
  // Node has this switch; its types do not. Without it, the report looks up the name of every peer.
  const report = process.report as typeof process.report & { excludeNetwork: boolean };
  const { excludeNetwork } = report;
  report.excludeNetwork = true;
  const { userLimits } = report.getReport() as { userLimits?: { open_files: { soft: number | string } } };
  report.excludeNetwork = excludeNetwork;
  const soft = userLimits?.open_files.soft;
  return typeof soft === 'number' ? soft : Number.POSITIVE_INFINITY;
}

/** @throws PipelineError TOO_MANY_FILES where the limit does not let a run do its work; @returns the limit */
export function expectOpenFiles(limit = openFileLimit()): number {
  if (limit >= leastOpenFiles) return limit;
  throw new PipelineError('TOO_MANY_FILES', `only ${limit} files may be open, and a run needs ${leastOpenFiles}`, {
    hint: `raise the limit: ulimit -n 1024, or at least ulimit -n ${leastOpenFiles}`,
  });
}
