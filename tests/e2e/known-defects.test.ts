import { createHash } from 'node:crypto';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dailyBar, smallArchive, writeSmallArchive } from '../support/archive.ts';
import { pipelineInProcess, root } from '../support/pipeline.ts';
import { expectExit, warehouseOf } from '../support/published.ts';
import { queryWarehouse } from '../support/rows.ts';
import { serveArchive } from '../support/serve.ts';
import { tempDir } from '../support/temp.ts';

/** The project with these entries in its pipeline.yaml. */
async function projectWith(entries: readonly object[]): Promise<string> {
  const clone = await tempDir('project-');
  for (const name of await readdir(root)) {
    if (!['data', 'pipeline.yaml'].includes(name) && !name.startsWith('.'))
      await symlink(join(root, name), join(clone, name));
  }
  const text = await readFile(join(root, 'pipeline.yaml'), 'utf8');
  const changed = text.replace('known_defects: []', `known_defects: ${JSON.stringify(entries)}`);
  expect(changed).not.toBe(text);
  await writeFile(join(clone, 'pipeline.yaml'), changed);
  return clone;
}

test('A11: a file that is known to be bad causes no warning, and a gap says why its bars are missing', async () => {
  const archive = await writeSmallArchive(await tempDir('small-'));
  const day = '2025-07-03';
  const bars = dailyBar('SOLUSDT', day).split(',');
  const key = await archive.putDay('SOLUSDT', day, { rows: [bars.with(5, '-1').join(',')] });
  const zip = await readFile(join(archive.directory, key));
  const reason = 'its volume has overflowed';
  const cwd = await projectWith([{ key, sha256: createHash('sha256').update(zip).digest('hex'), reason }]);
  await using server = await serveArchive(archive.directory);
  const dataDir = await tempDir('known-');
  const result = await pipelineInProcess(
    ['run', '--target', 'mirror', '--as-of', smallArchive.asOf, '--select', '+gaps', '--log-format', 'json'],
    { dataDir, cwd, env: { PIPELINE_ARCHIVE_URL: server.url } },
  );
  expectExit(result, 0);
  expect(result.stdout + result.stderr).not.toContain(`rejected ${key}`);
  const { rows } = await queryWarehouse(
    warehouseOf(dataDir),
    `SELECT gap.symbol, gap.missing_bars, gap.cause, ledger.status, ledger.reason
     FROM gaps AS gap JOIN staged_archives AS ledger ON ledger.key = gap.evidence`,
  );
  expect(rows).toEqual([['SOLUSDT', 1n, 'rejected', 'rejected', `known_defect: ${reason}`]]);
  const ended = result.stderr
    .split('\n')
    .filter((line) => line.includes('node_finished') && /"(klines|ohlcv)"/.test(line));
  expect(ended.length).toBeGreaterThan(0);
  expect(ended.filter((line) => !line.includes('"parent"')).join()).not.toMatch(/"status":"warn"/);
});
