import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root, startPipeline } from '../../support/pipeline.ts';
import { canUsePty, needsPty, runInTerminal } from '../../support/pty.ts';
import { screenOf } from '../../support/screen.ts';
import { shopProject } from '../engine/shop-project.ts';

/** A till that has nothing to do if its file is the one that it has staged. */
const idleTill = (text: string) =>
  text
    .replace("status: 'success'", "status: isSame ? 'no-op' : 'success'")
    .replace(
      'await copyFile(',
      "const isSame = JSON.stringify(sales) === JSON.stringify(await read(join(stagingDir, 'sales.json')));\n    await copyFile(",
    );

const ESC = String.fromCharCode(27);
const days = { '2025-07-01': 10, '2025-07-02': 20, '2025-07-03': 30 };
/** The program itself, so that Ctrl-C reaches it without a shell around it. */
const program = (...args: readonly string[]) =>
  [join(root, 'node_modules/node/bin/node'), join(root, 'engine/cli/main.ts'), ...args] as const;

/** Removes what differs between runs or machines. */
const settled = (lines: readonly string[], directory: string): string =>
  `${lines
    .map((line) =>
      line
        .replace(/ {2}\d+(\.\d)?s$/, '')
        .replace(/(rows to|all in) .*$/, '$1 PATH')
        .replace(/^(.{56}).*…$/, '$1…') // the length of the cut depends on the time
        .replace(/\d+\.\d+s\b/g, 'TIME')
        .replaceAll(directory, 'PROJECT')
        .replace(/\d{8}T\d{6}Z-[0-9a-f]{4}/, 'RUN'),
    )
    .join('\n')}\n`;

async function show(cwd: string, columns: number, name: string, expectedExit: number, interruptAt = ''): Promise<void> {
  const { exitCode, output } = await runInTerminal(program('run'), { columns, cwd, interruptAt });
  const lines = screenOf(output, columns);
  // A time is shown completely or not at all, and the cursor is restored.
  for (const line of lines) expect(line).not.toMatch(/ {2}[\d.]+…$/);
  expect(output.lastIndexOf('\u001b[?25h')).toBeGreaterThan(output.lastIndexOf('\u001b[?25l'));
  await expect(settled(lines, cwd)).toMatchFileSnapshot(`screens/${name}-${columns}.txt`);
  expect(exitCode).toBe(expectedExit);
}

describe.skipIf(!canUsePty)(`the screen of a run${needsPty}`, () => {
  test.each([80, 140])('is as recorded with %i columns', async (columns) => {
    const shop = await shopProject({ 'till.ts': idleTill });
    const showNext = (name: string, expectedExit: number) => show(shop.directory, columns, name, expectedExit);

    await shop.sell(days);
    await showNext('first-run', 0);
    await showNext('nothing-to-do', 0);
    await shop.sell({ ...days, warns: 'the till of 2025-07-02 was opened twice', '2025-07-04': 40 });
    await showNext('warning', 0);
    await shop.sell({ ...days, '2025-07-05': 5_000 });
    await showNext('failed-test', 1);
  });

  test('is as recorded with an acknowledged warning, and after its entry stops matching', async () => {
    const entries = [
      'warning: odd, of: the till of * was opened twice, reason: two keys',
      'test: several, min: 1, reason: a new shop',
    ];
    const shop = await shopProject({
      'till.ts': idleTill,
      'pipeline.yaml': (text) =>
        `${text.replace('row_count: { min: 2', 'row_count: { min: 4')}acknowledge:\n${entries.map((entry) => `  - { ${entry} }\n`).join('')}`,
    });
    const warns = 'the till of 2025-07-01 was opened twice';
    await shop.sell({ ...days, warns });
    await show(shop.directory, 80, 'acknowledged', 0);
    await show(shop.directory, 80, 'acknowledged-again', 0);
    await shop.sell({ ...days, '2025-07-04': 40 });
    await show(shop.directory, 80, 'unused-entry', 0);
    await show(shop.directory, 80, 'unused-entry-again', 0);
  });

  // A run has 0.9 s to end by itself, which may be too short on a busy machine.
  test.each([80, 140])('is as recorded after Ctrl-C with %i columns', { retry: 2 }, async (columns) => {
    const shop = await shopProject({ 'till.ts': idleTill });
    await shop.sell({ ...days, waits: 'yes' });
    await show(shop.directory, columns, 'ctrl-c', 130, '1 file');
  });

  test('closing the terminal ends a run like Ctrl-C', { retry: 2 }, async () => {
    const shop = await shopProject({ 'till.ts': idleTill });
    await shop.sell({ ...days, waits: 'yes' });
    const { exitCode } = await runInTerminal(program('run'), { columns: 80, cwd: shop.directory, closeAt: '1 file' });
    expect(exitCode).toBe(130);
    expect(existsSync(join(shop.paths.artifacts, 'run.json'))).toBe(true);
  });

  test.each([
    ['a dumb terminal', 80, { TERM: 'dumb' }],
    ['40 columns', 40, {}],
  ])('has plain lines in %s', async (_, columns, env) => {
    const shop = await shopProject({ 'till.ts': idleTill });
    await shop.sell(days);
    const { exitCode, output } = await runInTerminal(program('run'), { columns, cwd: shop.directory, env });
    expect(exitCode).toBe(0);
    const colours = new RegExp(`${ESC}\\[\\d+m`, 'g');
    expect(output.replaceAll(colours, '')).not.toContain(ESC);
    expect(output).toContain('START extract till [RUN]');
    if ('TERM' in env) expect(output).not.toContain(ESC);
  });
});

test('the output of a run without a terminal is as recorded', async () => {
  const shop = await shopProject({ 'till.ts': idleTill });
  const run = async (name: string) => {
    const { exitCode, stdout, stderr } = await startPipeline(['run', '--threads', '1'], { cwd: shop.directory }).result;
    expect(exitCode).toBe(0);
    const lines = `${stderr}--- stdout\n${stdout}`.trimEnd().split('\n');
    await expect(settled(lines, shop.directory)).toMatchFileSnapshot(`screens/${name}.txt`);
  };
  await shop.sell(days);
  await run('no-terminal-first-run');
  await run('no-terminal-nothing-to-do');
});
