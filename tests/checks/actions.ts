import { lineAt, readFiles } from './files.ts';

/** A tag can be moved, a commit cannot; the comment says which release it is. */
const pinned = /^[\w.-]+\/[\w./-]+@[0-9a-f]{40} +# v\d+(\.\d+)*$/;

/** Every action in a workflow is pinned to a commit. Local ones (`./…`) are pinned by ours. */
export async function checkActions(root: string): Promise<readonly string[]> {
  const workflows = await readFiles(root, ['.github/**/*.{yml,yaml}']);
  return workflows.flatMap(({ path, text }) =>
    [...text.matchAll(/^[ \t]*(?:-[ \t]+)?uses:[ \t]*(.*)$/gm)]
      .filter(([, action = '']) => !action.startsWith('./') && !pinned.test(action.trimEnd()))
      .map(
        ({ 1: action, index }) =>
          `${path}:${lineAt(text, index)}: \`${action}\` is not pinned: write owner/name@<40-digit commit> # v1.2.3`,
      ),
  );
}
