import { existsSync } from 'node:fs';
import { mkdtemp, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The folder of this test run, removed at its end. */
const runDir = (): string => process.env.KLINEHOUSE_TEST_TMP ?? tmpdir();

/** Makes a new empty folder in it. */
export const tempDir = (prefix = 'test-'): Promise<string> => mkdtemp(join(runDir(), prefix));

/** A folder that is filled once per test run, by the first worker that asks for it; read only. */
export async function sharedDir(name: string, fill: (directory: string) => Promise<unknown>): Promise<string> {
  const directory = join(runDir(), name);
  if (existsSync(directory)) return directory;
  const aside = await tempDir('filling-');
  await fill(aside);
  try {
    await rename(aside, directory);
  } catch (error) {
    if (!existsSync(directory)) throw error;
    await rm(aside, { recursive: true }); // Another worker was first.
  }
  return directory;
}
