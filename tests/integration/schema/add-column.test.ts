import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { pipeline } from '../../support/pipeline.ts';
import { scratchProject } from '../../support/scratch.ts';

/** Path → text of every project file that is not linked. */
async function filesOf(root: string): Promise<ReadonlyMap<string, string>> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(
    await Promise.all(files.map(async (file) => [file.slice(root.length + 1), await readFile(file, 'utf8')] as const)),
  );
}

const changed = (before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>) =>
  [...after]
    .filter(([path, text]) => before.get(path) !== text)
    .map(([path]) => path)
    .sort();

test('adding a column is one line in schema.ts, one in the model, and migrate new', async () => {
  const scratch = await scratchProject();
  // A process for each command, since this one would keep the definition that it has loaded.
  const cli = (...args: readonly string[]) => pipeline(args, { cwd: scratch.root, dataDir: scratch.dataDir });
  const untouched = await filesOf(scratch.root);

  await scratch.edit(
    'models/schema.ts',
    `    spells: integer('Number`,
    `    name_length: integer.nullable('Characters of the ticker.'),\n    spells: integer('Number`,
  );
  await scratch.edit(
    'models/market/symbols.ts',
    `          'listed.spells',\n`,
    `          cast('INTEGER', characters(eb.ref('listed.symbol'))).as('name_length'),\n          'listed.spells',\n`,
  );
  const edited = await filesOf(scratch.root);
  expect(changed(untouched, edited)).toEqual(['models/market/symbols.ts', 'models/schema.ts']);
  expect(await cli('schema', 'check')).toMatchObject({
    exitCode: 1,
    stdout: expect.stringContaining(
      'migrations/: symbols.name_length is missing; the definition has name_length INTEGER',
    ),
  });

  const created = await cli('migrate', 'new', 'name_length');
  expect(created.stdout).toContain('symbols: add name_length INTEGER\n');
  const number = String([...untouched.keys()].filter((path) => /^migrations\/.*\.sql$/.test(path)).length + 1).padStart(
    4,
    '0',
  );
  expect(changed(edited, await filesOf(scratch.root))).toEqual([
    'docs/tables.md',
    `migrations/${number}_name_length.sql`,
    'migrations/SHA256SUMS',
    'models/schema.sql',
  ]);
  expect(await cli('schema', 'check')).toMatchObject({ exitCode: 0 });
});
