import { describe, expect, test } from 'vitest';
import { checkImports, checkWalls } from '../../checks/imports.ts';
import { tree } from '../../support/tree.ts';

const problemsOf = async (path: string, text: string) => checkImports(await tree({ [path]: text }));

test('a layer may import itself, packages and its entry point of the engine', async () => {
  const root = await tree({
    'engine/run/run-pipeline.ts': `import { load } from '../config/load.ts';\nimport { z } from 'zod';`,
    'extract/staging/spool.ts': `import { replaceFile } from '../../engine/aside.ts';`,
    'extract/klines.ts': `import { PipelineError } from '../engine/index.ts';\nexport { plan } from './archive/plan.ts';`,
    'models/market/bars.ts': `import { pairs } from '../../exchange/bar-rules.ts';`,
    'extract/commands.ts': `import { defineCommand } from '../engine/for-commands.ts';`,
    'queries/top.ts': `import type { Database } from '../models/schema.ts';\nimport { openReader } from '../engine/for-commands.ts';`,
    'tests/unit/run.test.ts': `import { run } from '../../engine/run/run.ts';`,
  });
  expect(await checkImports(root)).toEqual([]);
});

test.each([
  ['engine/run/run-pipeline.ts', `import { x } from '../../extract/klines.ts';`, 'extract/klines.ts'],
  ['engine/run/run-pipeline.ts', `import type { X } from '../../models/schema.ts';`, 'models/schema.ts'],
  ['extract/klines.ts', `import { x } from '../engine/errors.ts';`, 'engine/errors.ts'],
  ['extract/klines.ts', `import { x } from '../engine/for-commands.ts';`, 'engine/for-commands.ts'],
  ['models/market/ohlcv.ts', `import type { X } from '../../engine/for-commands.ts';`, 'engine/for-commands.ts'],
  ['extract/archive/plan.ts', `export { x } from '../../models/schema.ts';`, 'models/schema.ts'],
  ['extract/klines.ts', `export * from '../tests/support/zip.ts';`, 'tests/support/zip.ts'],
  ['models/market/ohlcv.ts', `const x = await import('../../extract/klines.ts');`, 'extract/klines.ts'],
  ['engine/run/run-pipeline.ts', `import { x } from '../../exchange/bar-rules.ts';`, 'exchange/bar-rules.ts'],
  ['exchange/bar-rules.ts', `import { x } from '../engine/index.ts';`, 'engine/index.ts'],
  ['queries/top.ts', `import { schema } from '../models/schema.ts';`, 'models/schema.ts'],
  ['queries/top.ts', `import { schema, type Database } from '../models/schema.ts';`, 'models/schema.ts'],
  ['tests/data/dense.ts', `import { sql } from '../../engine/sql.ts';`, 'engine/sql.ts'],
])('%s may not contain %s', async (path, text, target) => {
  expect(await problemsOf(path, `\n${text}`)).toEqual([expect.stringContaining(`${path}:2: imports ${target}`)]);
});

test('text that only looks like an import is ignored', async () => {
  expect(
    await problemsOf('engine/a.ts', `// import '../extract/a.ts'\nexport const a = "from '../extract/a.ts'";`),
  ).toEqual([]);
});

describe('a wall', () => {
  const wallsOf = async (files: Readonly<Record<string, string>>, exceptions: Readonly<Record<string, string>> = {}) =>
    checkWalls(await tree(files), [
      { room: 'engine/duckdb/', doors: ['engine/duckdb/index.ts'], word: 'duckdb', exceptions },
    ]);

  test('ignores its doors, comments and the listed files', async () => {
    const files = {
      'engine/duckdb/open.ts': `import { DuckDBInstance } from '@duckdb/node-api';`,
      'engine/run/run-pipeline.ts': `import { open } from '../duckdb/index.ts'; // DuckDB\nexport const name = 'warehouse';`,
      'engine/target/paths.ts': `export const name = 'warehouse.duckdb';`,
    };
    expect(await wallsOf(files, { 'engine/target/paths.ts': 'names the file' })).toEqual([]);
  });

  test.each([
    ['another file of the room', `import type { Open } from '../duckdb/open.ts';`, 'imports engine/duckdb/open.ts'],
    ['the package', `const api = await import('@duckdb/node-api');`, 'mentions duckdb'],
    ['a system table', 'const sql = `FROM duckdb_tables()`;', 'mentions duckdb'],
  ])('stops %s', async (_what, text, problem) => {
    const problems = await wallsOf({ 'engine/run/run-pipeline.ts': `\n${text}` });
    expect(problems).toContainEqual(expect.stringContaining(`engine/run/run-pipeline.ts:2: ${problem}`));
  });

  test('reports a listed file that does not mention the word', async () => {
    const problems = await wallsOf(
      { 'engine/run/run-pipeline.ts': '// duckdb' },
      { 'engine/run/run-pipeline.ts': 'no longer' },
    );
    expect(problems).toEqual([expect.stringContaining('engine/run/run-pipeline.ts does not mention duckdb')]);
  });
});
