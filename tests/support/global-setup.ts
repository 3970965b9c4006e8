import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** One folder for everything that a test run writes, removed at its end. */
export default async function setup(): Promise<(() => Promise<void>) | undefined> {
  if (process.env.KLINEHOUSE_TEST_TMP !== undefined) return undefined; // Another project of this run has made it.
  const directory = await mkdtemp(join(tmpdir(), 'klinehouse-test-'));
  process.env.KLINEHOUSE_TEST_TMP = directory;
  return () => rm(directory, { recursive: true, force: true });
}
