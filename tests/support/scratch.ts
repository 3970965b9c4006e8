import { cp, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from './pipeline.ts';
import { tempDir } from './temp.ts';

const linked = ['engine', 'exchange', 'extract', 'queries', 'node_modules'];

/**
 * A copy of the project in which a test can edit the files that users edit, and those of some more folders; all other
 * code is linked.
 */
export async function scratchProject({ copy = [] }: { readonly copy?: readonly string[] } = {}) {
  const directory = await tempDir('scratch-');
  for (const path of ['pipeline.yaml', 'package.json', 'models', 'migrations', 'seeds', 'docs', 'tests/data', ...copy])
    await cp(join(root, path), join(directory, path), { recursive: true });
  for (const path of linked) if (!copy.includes(path)) await symlink(join(root, path), join(directory, path));
  return {
    root: directory,
    dataDir: join(directory, 'data'),
    /** Replaces a text that the file contains exactly once. */
    async edit(path: string, from: string, to: string) {
      const text = await readFile(join(directory, path), 'utf8');
      if (text.split(from).length !== 2) throw new Error(`${path} does not contain \`${from}\` exactly once`);
      await writeFile(
        join(directory, path),
        text.replace(from, () => to),
      );
    },
  };
}
