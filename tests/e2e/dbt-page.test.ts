import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { builtSample, pipelineInProcess, root } from '../support/pipeline.ts';
import { expectExit } from '../support/published.ts';
import { tempDir } from '../support/temp.ts';

const page = await readFile(join(root, 'docs/dbt.md'), 'utf8');
const spans = [...page.matchAll(/`([^`\n]+)`/g)].map(([, span]) => span as string);
const commands = spans.filter((span) => span.startsWith('pnpm pipeline ')).map((span) => span.slice(14));

/** The words of a column of the page's tables. */
const column = (index: number) =>
  page
    .split('\n')
    .filter((line) => /^\| .* \|$/.test(line))
    .map((line) => line.split(/(?<!\\)\|/)[index] as string);

describe('docs/dbt.md, on the sample', () => {
  let cwd: string;
  let dataDir: string;
  beforeAll(async () => {
    cwd = await tempDir('dbt-');
    dataDir = await builtSample();
  });

  test('has a counterpart of every command that a project of dbt is used with', () => {
    const known = column(1).join('\n');
    for (const command of 'build clean compile debug deps init ls retry run seed show snapshot test'.split(' '))
      expect(known, command).toContain(`dbt ${command}`);
  });

  // `clean` goes last: what comes after it would find nothing.
  const inOrder = [...new Set(commands)].sort((a, b) => Number(a === 'clean') - Number(b === 'clean'));
  test.each(inOrder)('pnpm pipeline %s does it', async (command) => {
    const words = command.split(' ');
    if (words[0] === 'init') expectExit(await pipelineInProcess(words, { cwd }), 0);
    else expectExit(await pipelineInProcess(words, { dataDir }), 0);
  });

  test('names only options that run or all commands have', async () => {
    const { stdout } = await pipelineInProcess(['run', '--help']);
    const ours = column(2).join(' ');
    const same = page.split('\n').filter((line) => /\| the same( \(\[selectors\][^|]*)? \|/.test(line));
    const options = [ours, ...same].join(' ').match(/--[a-z-]+/g) ?? [];
    expect(options.length).toBeGreaterThan(10);
    const elsewhere = ['--limit', '--unit', '--write'];
    for (const option of new Set(options)) if (!elsewhere.includes(option)) expect(stdout).toContain(option);
  });

  test('names files and folders that a run writes', async () => {
    expectExit(await pipelineInProcess(['run', '--full-refresh', '--select', '+symbols'], { dataDir }), 0);
    expectExit(await pipelineInProcess(['compile'], { dataDir }), 0);
    for (const file of ['artifacts/graph.json', 'artifacts/run.json', 'artifacts/compiled', 'logs']) {
      expect(page).toContain(`\`${file}`);
      expect(existsSync(join(dataDir, 'sample', file)), file).toBe(true);
    }
  });
});
