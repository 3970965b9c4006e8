import { expect, test } from 'vitest';
import { checkCycles } from '../../checks/cycles.ts';
import { tree } from '../../support/tree.ts';

test('imports in one direction pass', async () => {
  const root = await tree({
    'engine/a.ts': `import { b } from './b.ts';\nimport { c } from './c.ts';\nimport { z } from 'zod';`,
    'engine/b.ts': `import { c } from './c.ts';`,
    'engine/c.ts': `// import { a } from './a.ts';`,
    'tests/a.ts': `import { b } from './b.ts';`,
    'tests/b.ts': `import { a } from './a.ts';`,
  });
  expect(await checkCycles(root)).toEqual([]);
});

test.each([
  ['values', `import { a } from './a.ts';`],
  ['types', `import type { A } from './a.ts';`],
  ['re-exports', `export { a } from './a.ts';`],
  ['dynamic imports', `const { a } = await import('./a.ts');`],
])('a cycle of %s fails', async (_, back) => {
  const root = await tree({
    'engine/start.ts': `import { a } from './run/a.ts';`,
    'engine/run/a.ts': `import { b } from '../b.ts';`,
    'engine/b.ts': `import { c } from './run/c.ts';`,
    'engine/run/c.ts': back,
  });
  expect(await checkCycles(root)).toEqual([
    'engine/b.ts → engine/run/c.ts → engine/run/a.ts → engine/b.ts: these files import each other',
  ]);
});

test('each cycle is one problem', async () => {
  const pair = (layer: string) => ({
    [`${layer}/a.ts`]: `import { b } from './b.ts';`,
    [`${layer}/b.ts`]: `import { a } from './a.ts';`,
  });
  const layers = ['engine', 'exchange', 'extract', 'models', 'queries'];
  const problems = await checkCycles(await tree(Object.assign({}, ...layers.map(pair))));
  expect(problems.map((problem) => problem.split('/', 1)[0])).toEqual(layers);
});
