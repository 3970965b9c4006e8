import { posix } from 'node:path';
import { readFiles } from './files.ts';
import { importsOf } from './imports.ts';

const layers = ['engine', 'exchange', 'extract', 'models', 'queries'];

/** No file imports itself through others. Type imports count too, since a reader follows them as well. */
export async function checkCycles(root: string): Promise<readonly string[]> {
  const files = await readFiles(
    root,
    layers.map((layer) => `${layer}/**/*.ts`),
  );
  const imports = new Map(
    files.map((file) => [
      file.path,
      importsOf(file)
        .filter(({ from }) => from.startsWith('.'))
        .map(({ from }) => posix.join(posix.dirname(file.path), from)),
    ]),
  );
  const problems: string[] = [];
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string): void => {
    const start = trail.indexOf(path);
    if (start !== -1) problems.push(`${[...trail.slice(start), path].join(' → ')}: these files import each other`);
    if (start !== -1 || done.has(path)) return;
    trail.push(path);
    for (const next of imports.get(path) ?? []) visit(next);
    trail.pop();
    done.add(path);
  };
  for (const { path } of files) visit(path);
  return problems;
}
