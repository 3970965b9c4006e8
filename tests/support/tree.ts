import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { tempDir } from './temp.ts';

/** Makes a new folder with these files: path → text. */
export async function tree(files: Readonly<Record<string, string>>): Promise<string> {
  const directory = await tempDir('tree-');
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), text);
  }
  return directory;
}
