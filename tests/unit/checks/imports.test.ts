import { expect, test } from 'vitest';
import { checkImports } from '../../checks/imports.ts';
import { tree } from '../../support/tree.ts';

const problemsOf = async (path: string, text: string) => checkImports(await tree({ [path]: text }));

test('a layer may import itself, packages and its face of the engine', async () => {
  const root = await tree({
    'engine/run/run.ts': `import { load } from '../config/load.ts';\nimport { z } from 'zod';`,
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
  ['engine/run/run.ts', `import { x } from '../../extract/klines.ts';`, 'extract/klines.ts'],
  ['engine/run/run.ts', `import type { X } from '../../models/schema.ts';`, 'models/schema.ts'],
  ['extract/klines.ts', `import { x } from '../engine/errors.ts';`, 'engine/errors.ts'],
  ['extract/klines.ts', `import { x } from '../engine/for-commands.ts';`, 'engine/for-commands.ts'],
  ['models/market/ohlcv.ts', `import type { X } from '../../engine/for-commands.ts';`, 'engine/for-commands.ts'],
  ['extract/archive/plan.ts', `export { x } from '../../models/schema.ts';`, 'models/schema.ts'],
  ['extract/klines.ts', `export * from '../tests/support/zip.ts';`, 'tests/support/zip.ts'],
  ['models/market/ohlcv.ts', `const x = await import('../../extract/klines.ts');`, 'extract/klines.ts'],
  ['engine/run/run.ts', `import { x } from '../../exchange/bar-rules.ts';`, 'exchange/bar-rules.ts'],
  ['exchange/bar-rules.ts', `import { x } from '../engine/index.ts';`, 'engine/index.ts'],
  ['queries/top.ts', `import { schema } from '../models/schema.ts';`, 'models/schema.ts'],
  ['queries/top.ts', `import { schema, type Database } from '../models/schema.ts';`, 'models/schema.ts'],
  ['tests/data/dense.ts', `import { sql } from '../../engine/sql.ts';`, 'engine/sql.ts'],
])('%s may not say %s', async (path, text, target) => {
  expect(await problemsOf(path, `\n${text}`)).toEqual([expect.stringContaining(`${path}:2: imports ${target}`)]);
});

test('what only looks like an import is none', async () => {
  expect(
    await problemsOf('engine/a.ts', `// import '../extract/a.ts'\nexport const a = "from '../extract/a.ts'";`),
  ).toEqual([]);
});
