/**
 * Builds the package into dist/: JavaScript and types by tsc, beside them what is read as it is. In the text of modules
 * it changes what tsc leaves: the paths of threads, and the command that hints name, which is that of the package.
 */
import { cp, glob, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { $ } from 'zx';

const root = import.meta.dirname;
const dist = join(root, 'dist');
const { name } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8')) as { name: string };

/** Files that are part of the package as they are, the template's among them. */
const verbatim = [
  'engine/**/*.{js,json}',
  'extract/**/*.wasm',
  'migrations/*',
  'models/schema.sql',
  'seeds/*',
  'template/**',
];

const rewritten: readonly (readonly [RegExp, string])[] = [
  [/(new URL\('\.[^']*)\.ts(', import\.meta\.url\))/g, '$1.js$2'],
  [/((?:from|import) ?\(?['"]\.[^'"]*)\.ts(['"])/g, '$1.js$2'],
  [/pnpm pipeline/g, `npx ${name}`],
  [/npx -y pnpm@10/g, 'npm'],
];

async function filesIn(folder: string, patterns: readonly string[]): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const entry of glob(patterns, { cwd: folder, withFileTypes: true }))
    if (entry.isFile()) found.push(join(entry.parentPath, entry.name));
  return found;
}

async function rewrite(file: string, changes: typeof rewritten): Promise<void> {
  const text = await readFile(file, 'utf8');
  const changed = changes.reduce((before, [from, to]) => before.replaceAll(from, to), text);
  if (changed !== text) await writeFile(file, changed);
}

await rm(dist, { recursive: true, force: true });
await $({ cwd: root, preferLocal: true, stdio: 'inherit' })`tsc -p tsconfig.build.json`;
for (const file of await filesIn(root, verbatim)) {
  const copy = join(dist, file.slice(root.length));
  await mkdir(dirname(copy), { recursive: true });
  await cp(file, copy);
}
for (const file of await filesIn(dist, ['{engine,extract,models,queries}/**/*.{js,d.ts}']))
  await rewrite(file, rewritten);
await cp(join(root, 'pipeline.yaml'), join(dist, 'pipeline.yaml'));
await rewrite(join(dist, 'pipeline.yaml'), [[/\.ts\b/g, '.js'], ...rewritten]);
