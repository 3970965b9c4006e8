import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The folder of this test run, removed at its end. */
export const runDir = (): string => process.env.KLINEHOUSE_TEST_TMP ?? tmpdir();

/** Makes a new empty folder in it. */
export const tempDir = (prefix = 'test-'): Promise<string> => mkdtemp(join(runDir(), prefix));
