import { expect, test } from 'vitest';
import { checkProjectWords } from '../../checks/project-words.ts';
import { tree } from '../../support/tree.ts';

test('an engine without words of a project passes', async () => {
  const root = await tree({
    'engine/run/run-pipeline.ts': 'const it = { [Symbol.dispose]() {} };\nif (stats.isSymbolicLink()) throw it;',
    'extract/klines.ts': "const url = 'https://data.binance.vision';",
  });
  expect(await checkProjectWords(root)).toEqual([]);
});

test.each([
  ['engine/cli/failure.ts', "hint: 'narrow it with --symbols'", 'symbols'],
  ['engine/cli/run.ts', "option('--no-collect-volume')", 'collect-volume'],
  ['engine/cli/open-context.ts', 'const { collectVolume } = options;', 'collectVolume'],
  ['engine/errors.ts', 'EXCHANGE_BANNED: 1,', 'EXCHANGE'],
  ['engine/model.ts', '/** `{ symbol: string }` */', 'symbol'],
  ['engine/config/pipeline.schema.json', '"description": "A timeframe"', 'timeframe'],
])('%s may not contain %s', async (path, text, word) => {
  expect(await checkProjectWords(await tree({ [path]: `\n${text}` }))).toEqual([
    `${path}:2: says ${word}; the engine does not know the project`,
  ]);
});
