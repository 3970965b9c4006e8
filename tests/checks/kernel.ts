import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import asc from 'assemblyscript/asc';

const folder = 'extract/kernel';

/** The committed kernel.wasm is the compiled form of its sources, so nobody has to trust unreadable bytes. */
export async function checkKernel(root: string): Promise<readonly string[]> {
  let built: Uint8Array | undefined;
  const options = ['--config', join(root, folder, 'asconfig.json'), '--target', 'release'];
  const { error, stderr } = await asc.main(options, {
    writeFile(_name, contents) {
      built = Buffer.from(contents as Uint8Array);
    },
  });
  if (error || built === undefined) return [`${folder} does not compile: ${error?.message}`, stderr.toString()];
  const committed = await readFile(join(root, folder, 'kernel.wasm'));
  return committed.equals(built) ? [] : [`${folder}/kernel.wasm is not what its sources give: run pnpm kernel`];
}
