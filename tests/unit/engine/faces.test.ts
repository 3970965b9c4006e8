import { expect, test } from 'vitest';
import { node, outputOf } from '../../support/node-process.ts';

/** The modules that importing a module loads, as URLs. */
async function loadedWith(module: string): Promise<readonly string[]> {
  const script = `
    import { registerHooks } from 'node:module';
    const urls = [];
    registerHooks({ resolve(name, context, next) { const found = next(name, context); urls.push(found.url); return found; } });
    await import('./${module}');
    console.log(JSON.stringify(urls));
  `;
  return JSON.parse(await outputOf(node(script)));
}

test('definitions load no command, report, run or database', async () => {
  const urls = await loadedWith('engine/index.ts');
  expect(urls.some((url) => url.endsWith('/engine/model.ts'))).toBe(true);
  expect(urls.filter((url) => /\/engine\/(cli|duckdb|report|run)\/|\/(commander|@duckdb|listr2)\//.test(url))).toEqual(
    [],
  );
});

test('the vocabulary of queries loads neither an engine nor the rest of the API', async () => {
  const urls = await loadedWith('engine/vocabulary/index.ts');
  const loaded = urls.flatMap((url) => /\/engine\/(.+)$/.exec(url)?.[1] ?? []);
  expect(loaded.filter((path) => !path.startsWith('vocabulary/'))).toEqual([]);
});

test('what serves commands loads the database only when it opens one', async () => {
  const urls = await loadedWith('engine/for-commands.ts');
  expect(urls.some((url) => url.endsWith('/engine/cli/open-context.ts'))).toBe(true);
  expect(urls.filter((url) => /\/engine\/duckdb\/|\/(@duckdb|listr2)\//.test(url))).toEqual([]);
});
