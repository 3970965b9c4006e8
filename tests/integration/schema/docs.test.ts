import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { openWarehouse } from '../../../engine/duckdb/warehouse.ts';
import { codeBlocks } from '../../checks/markdown.ts';
import { availabilityRows, oldAvailability } from '../../support/old-database.ts';
import { pipelineInProcess, root } from '../../support/pipeline.ts';
import { scratchProject } from '../../support/scratch.ts';

/** The commands of a page's `sh` blocks, in order. */
async function commandsOf(page: string): Promise<readonly string[]> {
  const text = await readFile(join(root, page), 'utf8');
  return codeBlocks(text, 'sh')
    .flatMap((block) => block.trim().split('\n'))
    .map((line) => line.replace(/\s+#.*$/, ''));
}

const run = (scratch: Awaited<ReturnType<typeof scratchProject>>, command: string) =>
  pipelineInProcess(command.replace('pnpm pipeline ', '').split(' '), { cwd: scratch.root, dataDir: scratch.dataDir });

test('every command of docs/schema.md does what it says', async () => {
  const scratch = await scratchProject();
  const commands = await commandsOf('docs/schema.md');
  expect(commands).toHaveLength(4);
  for (const command of commands)
    expect(await run(scratch, command), command).toMatchObject({ exitCode: 0, stderr: '' });
});

test('every command of docs/migrations.md does what it says, on an old database', async () => {
  const scratch = await scratchProject();
  const file = join(scratch.dataDir, 'sample', 'warehouse.duckdb');
  await mkdir(join(scratch.dataDir, 'sample'), { recursive: true });
  {
    await using old = await openWarehouse({ file });
    for (const sql of [oldAvailability, availabilityRows('2025-06-01', '2025-06-20')]) await old.run(sql);
  }
  const backups = join(scratch.dataDir, 'sample/backups');
  const commands = await commandsOf('docs/migrations.md');
  expect(commands.map((command) => command.split(' ').slice(0, 4).join(' '))).toEqual([
    'pnpm pipeline migrate status',
    'pnpm pipeline migrate up',
    'pnpm pipeline migrate restore',
    'pnpm pipeline migrate new',
  ]);
  for (const command of commands) {
    const [backup = ''] = await readdir(backups).catch(() => []);
    const here = command.replace(/data\/sample\/backups\/\S+/, join(backups, backup));
    expect(await run(scratch, here), command).toMatchObject({ exitCode: 0, stderr: '' });
  }
  await using restored = await openWarehouse({ file, readOnly: true });
  expect(await restored.rows('SELECT table_name FROM duckdb_tables()')).toEqual([{ table_name: 'daily_availability' }]);
});

test('the documented command signs migrations as the engine does', async () => {
  const scratch = await scratchProject();
  const [, command = ''] =
    /`(\(cd migrations .*?\))`/.exec(await readFile(join(root, 'docs/migrations.md'), 'utf8')) ?? [];
  const sums = () => readFile(join(scratch.root, 'migrations/SHA256SUMS'), 'utf8');
  const before = await sums();
  await promisify(execFile)('sh', ['-c', command], { cwd: scratch.root });
  expect(await sums()).toBe(before);
});

/** The first block of a language in a page. */
async function blockOf(page: string, language: string): Promise<string> {
  const text = await readFile(join(root, page), 'utf8');
  return new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(text)?.[1] ?? '';
}

test('docs/seeds.md adds a seed', async () => {
  const scratch = await scratchProject();
  const page = 'docs/seeds.md';
  await writeFile(join(scratch.root, 'seeds/holidays.csv'), await blockOf(page, 'csv'));
  const definition = '/** THE typed definition';
  await scratch.edit('models/schema.ts', definition, `${await blockOf(page, 'ts')}\n${definition}`);
  await scratch.edit(
    'models/schema.ts',
    '  daily_availability: dailyAvailability,',
    '  holidays,\n  daily_availability: dailyAvailability,',
  );
  await scratch.edit('pipeline.yaml', '\nseeds:\n', `\nseeds:\n${await blockOf(page, 'yaml')}`);
  const commands = await commandsOf(page);
  expect(commands).toHaveLength(3);
  let last = '';
  for (const command of commands) {
    const { exitCode, stdout, stderr } = await run(scratch, command);
    expect(exitCode, `${command}\n${stderr}`).toBe(0);
    last = stdout;
  }
  expect(last).toContain('2025-12-25  Christmas  Markets are open, as always');
});

test('the example of docs/unit-tests.md passes', async () => {
  const scratch = await scratchProject();
  await mkdir(join(scratch.root, 'tests/models'));
  await writeFile(join(scratch.root, 'tests/models/example.ts'), await blockOf('docs/unit-tests.md', 'ts'));
  const commands = await commandsOf('docs/unit-tests.md');
  expect(commands).toHaveLength(2);
  const stdout = 'PASS volume_rankings: ties_share_a_rank\nDone. PASS=1 ERROR=0 TOTAL=1\n';
  for (const command of commands) expect(await run(scratch, command)).toMatchObject({ exitCode: 0, stdout });
});
