import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dailyBar, smallArchive, writeSmallArchive } from '../support/archive.ts';
import { pipelineInProcess, root } from '../support/pipeline.ts';
import { expectExit } from '../support/published.ts';
import { scratchProject } from '../support/scratch.ts';
import { tempDir } from '../support/temp.ts';

test('the sample runs without a warning, the first time and again', async () => {
  const dataDir = await tempDir('green-');
  for (let time = 1; time <= 2; time++) {
    const result = await pipelineInProcess(['run', '--warn-error'], { dataDir });
    expectExit(result, 0);
    expect(result.stdout).toMatch(/^\d+ warnings? acknowledged in pipeline\.yaml\.\nDone\. .* WARN=0 .*\n$/);
    expect(result.stderr).not.toContain('WARN');
  }
  const short = await pipelineInProcess(['run'], { dataDir });
  expect(short.stderr).toMatch(/Nothing changed in .*, \d+ warnings? acknowledged\. All: --verbose/);
  expect(short.stdout).toMatch(/^Done\. .*\n$/);
});

test('the example of docs/pipeline.md: matching entries acknowledge, the others are named with their line', async () => {
  const page = await readFile(join(root, 'docs/pipeline.md'), 'utf8');
  const [, example = ''] = /^```yaml\n(acknowledge:[\s\S]*?)^```/m.exec(page) ?? [];
  const project = await scratchProject();
  const file = join(project.root, 'pipeline.yaml');
  const text = (await readFile(file, 'utf8')).replace(/^acknowledge:\n( .*\n)+/m, () => example);
  expect(text).toContain(example);
  await writeFile(file, text);
  const result = await pipelineInProcess(['run'], { cwd: project.root, dataDir: project.dataDir });
  expectExit(result, 0);
  expect(result.stderr).toMatch(/skipped \S+-2025-3\.zip: .* \(acknowledged: the sample contains it on purpose\)/);
  const lineOf = (entry: string) => text.slice(0, text.indexOf(entry)).split('\n').length;
  expect(result.stdout.match(/^WARN .*$/gm)).toEqual([
    `WARN pipeline.yaml:${lineOf('- warning: rejected')}:5: rejected of data/futures/um/daily/klines/LUNAUSDT/* is acknowledged, but there is no such warning: remove the entry`,
    `WARN pipeline.yaml:${lineOf('- test: not_null')}:5: the test not_null_symbols_quote_asset is acknowledged, but it passes: remove the entry`,
  ]);
});

/** The project with a mirror of the small archive and these entries in its pipeline.yaml. */
async function mirrorWith(...entries: readonly string[]) {
  const archive = await writeSmallArchive(await tempDir('small-'));
  const project = await scratchProject();
  await project.edit('pipeline.yaml', 'default: 1m\n', 'default: 1d\n');
  await project.edit('pipeline.yaml', 'min: 0.95, warn: 0.99', 'min: 0.8, warn: 0.8');
  const lines = entries.map((entry) => `  - { ${entry} }\n`).join('');
  await project.edit('pipeline.yaml', '\nacknowledge:\n', `\nacknowledge:\n${lines}`);
  /** Runs everything; returns its `Done.` line and its warnings. */
  async function run(asOf: string, exitCode = 0) {
    const result = await pipelineInProcess(['run', '--target', 'mirror', '--as-of', asOf, '--warn-error'], {
      ...{ dataDir: project.dataDir, cwd: project.root, env: { PIPELINE_ARCHIVE_URL: archive.directory } },
    });
    expectExit(result, exitCode);
    const warned = /^(\d+ nodes? warned:|WARN)[\s\S]*?(?=^Log|^Done)/m.exec(result.stdout)?.[0] ?? '';
    return { warned, stdout: result.stdout, stderr: result.stderr };
  }
  return { archive, run };
}

const { asOf } = smallArchive;
const folder = 'data/futures/um/daily/klines/SOLUSDT/1d';

test('A7: of two skipped names, only the one that is not acknowledged warns', async () => {
  const { archive, run } = await mirrorWith(
    `warning: name_skipped, of: ${folder}/SOLUSDT-1d-2025-6-1.zip, reason: never mended`,
  );
  for (const name of ['2025-6-1', '2025-6-2'])
    await archive.put(`${folder}/SOLUSDT-1d-${name}.zip`, Buffer.from('odd'), new Date('2025-06-03'));
  const { warned, stderr } = await run(asOf, 1);
  expect(warned).toContain('WARN extract listing');
  expect(warned).toContain('SOLUSDT-1d-2025-6-2.zip');
  expect(warned).not.toContain('SOLUSDT-1d-2025-6-1.zip');
  expect(stderr).toMatch(/^extract listing: skipped \S+2025-6-1\.zip: .* \(acknowledged: never mended\)$/m);
});

test('A11: a rejected archive is acknowledged as long as it exists, and no longer', async () => {
  const { archive, run } = await mirrorWith(`warning: rejected, of: '${folder}/*', reason: it overflowed`);
  const day = '2025-07-03';
  const bars = dailyBar('SOLUSDT', day).split(',');
  await archive.putDay('SOLUSDT', day, { rows: [bars.with(5, '-1').join(',')] });

  const first = await run(asOf);
  expect(first.warned).toBe('');
  expect(first.stderr).toMatch(/^model ohlcv: rejected \S+2025-07-03\.zip: .* \(acknowledged: it overflowed\)$/m);
  // It is not requested again, so nothing warns about it any more.
  expect((await run('2025-07-09T18:00:00Z')).warned).toBe('');

  await archive.putDay('SOLUSDT', day, { published: new Date('2025-07-09T20:00:00Z') });
  const { warned } = await run('2025-07-10T12:00:00Z', 1);
  expect(warned).toMatch(
    /^WARN pipeline\.yaml:\d+:5: rejected of \S+ is acknowledged, but there is no such warning: remove the entry\n$/,
  );
});
