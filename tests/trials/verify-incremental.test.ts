import { expect, test } from 'vitest';
import { pipeline } from '../support/pipeline.ts';
import { tempDir } from '../support/temp.ts';

test('every table of the sample equals a full build, day by day', async () => {
  const dataDir = await tempDir('verify-');
  for (const day of ['2025-06-30', '2025-07-08', '2025-07-09', '2025-07-10']) {
    const { exitCode, stderr } = await pipeline(['run', '--verify-incremental', '--as-of', `${day}T09:00:00Z`], {
      dataDir,
    });
    expect(exitCode, stderr).toBe(0);
  }
}, 240_000);

test('whole tables are compared, so a range is refused', async () => {
  const { exitCode, stderr } = await pipeline(['run', '--verify-incremental', '--start', '2025-07-01'], {});
  expect([exitCode, stderr]).toEqual([2, expect.stringContaining('takes no --start or --end')]);
});
