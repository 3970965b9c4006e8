import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { PipelineError } from '../errors.ts';

const fileName = 'pipeline.yaml';

/**
 * `given`, else the nearest pipeline.yaml in `cwd` or above it, as a path relative to `cwd` for messages.
 * Throws CONFIG_REFERENCE where there is none.
 */
export function findPipelineFile(cwd: string, given?: string): string {
  if (given !== undefined) return shortest(cwd, resolve(cwd, given));
  for (let folder = resolve(cwd); ; folder = dirname(folder)) {
    const file = join(folder, fileName);
    if (existsSync(file)) return shortest(cwd, file);
    if (folder === dirname(folder)) break;
  }
  throw new PipelineError('CONFIG_REFERENCE', `there is no ${fileName} here or in a folder above`, {
    file: cwd,
    hint: 'run in the folder of a project, or name the file: --pipeline path/to/pipeline.yaml',
  });
}

/** Loaders read the path as it is, so it is short only where the process stands in `cwd`. */
function shortest(cwd: string, file: string): string {
  return resolve(cwd) === process.cwd() ? relative(cwd, file) || file : file;
}
