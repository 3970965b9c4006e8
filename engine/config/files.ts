import { readdir, stat } from 'node:fs/promises';
import { dirname, join, posix } from 'node:path';
import { closest } from '../closest.ts';
import type { Path, Problem } from './problems.ts';
import type { PipelineSpec } from './spec.ts';
import type { YamlSource } from './yaml-source.ts';

/** Every file that pipeline.yaml names, relative to its folder. */
function* filesOf(spec: PipelineSpec): Generator<{ path: Path; file: string }> {
  yield { path: ['schema'], file: spec.schema };
  for (const section of ['extracts', 'models', 'commands'] as const) {
    for (const [name, { use }] of Object.entries(spec[section])) yield { path: [section, name, 'use'], file: use };
  }
  for (const [model, { tests }] of Object.entries(spec.models)) {
    for (const [index, test] of tests.entries()) {
      if (test.type === 'custom') yield { path: ['models', model, 'tests', index, 'custom', 'use'], file: test.use };
    }
  }
}

/** Checks that each file is there; a near name in the folder is suggested. */
export async function checkFiles(spec: PipelineSpec, source: YamlSource, root: string): Promise<Problem[]> {
  const checks = [...filesOf(spec)].map(async ({ path, file }): Promise<Problem[]> => {
    const stats = await stat(join(root, file)).catch(() => undefined);
    if (stats?.isFile()) return [];
    const siblings = await readdir(join(root, dirname(file))).catch(() => []);
    const names = siblings.map((sibling) => posix.join(dirname(file), sibling));
    // Near is judged by the file's own name: the folder is the same for all.
    const isNear = stats === undefined && closest(posix.basename(file), siblings) !== undefined;
    const hint = isNear ? closest(file, names) : undefined;
    return [
      {
        code: 'CONFIG_REFERENCE',
        message: stats === undefined ? `there is no file \`${file}\`` : `\`${file}\` is no file`,
        path,
        position: source.at(path),
        ...(hint !== undefined && { hint }),
      },
    ];
  });
  return (await Promise.all(checks)).flat();
}
