import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { root } from './pipeline.ts';
import { tempDir } from './temp.ts';

/** The project with two attempts per request and no patience for a host, so that an outage shows at once. */
export async function impatientProject(): Promise<string> {
  const clone = await tempDir('impatient-');
  for (const name of await readdir(root)) {
    if (!['data', 'pipeline.yaml'].includes(name) && !name.startsWith('.'))
      await symlink(join(root, name), join(clone, name));
  }
  const text = await readFile(join(root, 'pipeline.yaml'), 'utf8');
  const changed = text
    .replace('with: { availability: true }', 'with: { availability: true, attempts: 2, patience: 0 seconds }')
    .replace('known_defects: []', 'known_defects: []\n      attempts: 2\n      patience: 0 seconds');
  if (changed.split('patience: 0 seconds').length !== 3) throw new Error('pipeline.yaml has other `with:` blocks');
  await writeFile(join(clone, 'pipeline.yaml'), changed);
  return clone;
}
