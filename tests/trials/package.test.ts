import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, describe, expect, test } from 'vitest';
import { root } from '../support/pipeline.ts';
import { tempDir } from '../support/temp.ts';

const minutes = 60_000;

/** Without the variables that npm, pnpm and vitest set for what they start: they would change what npm does here. */
const inherited: NodeJS.ProcessEnv = Object.fromEntries(
  Object.entries(process.env).filter(
    ([name]) =>
      !/^(npm_(?!config_(registry|cafile|cache|userconfig|.*proxy)$)|NODE_(?!EXTRA_CA_CERTS)|VITEST|PIPELINE_|PNPM_|INIT_CWD$)/.test(
        name,
      ),
  ),
);
/** Without the folders of binaries of this project, among which is a Node of its own. */
const path = (process.env.PATH ?? '').split(':').filter((folder) => !folder.includes('node_modules'));

interface Ran {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(cwd: string, command: readonly [string, ...string[]], node?: string): Promise<Ran> {
  const [program, ...args] = command;
  const PATH = [...(node === undefined ? [] : [join(node, '..')]), ...path].join(':');
  const child = spawn(program, args, {
    cwd,
    env: { ...inherited, PATH, npm_config_prefer_offline: 'true' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (output.stderr += text));
  const [exitCode] = await once(child, 'close');
  return { exitCode, ...output };
}

async function expectDone(cwd: string, command: readonly [string, ...string[]], node?: string): Promise<Ran> {
  const ran = await run(cwd, command, node);
  expect(ran.exitCode, `${command.join(' ')}\n${ran.stdout}\n${ran.stderr}`).toBe(0);
  return ran;
}

/** The commands of a page's `sh` blocks, in order. */
async function commandsOf(page: string): Promise<readonly string[]> {
  const text = await readFile(join(root, page), 'utf8');
  return [...text.matchAll(/```sh\n([\s\S]*?)\n```/g)].flatMap(([, block = '']) => block.split('\n'));
}

/** Node 20, 22 and 24, each as the registry has it. */
const nodes: Record<number, string> = {};
let tarball: string;
/** A project that `init` wrote, installed. */
let shop: string;
/** What each command of docs/package.md printed. */
const said: string[] = [];

beforeAll(async () => {
  const folder = await tempDir('package-');
  await Promise.all([packAndFollowPage(folder), ...[20, 22, 24].map((version) => installNode(folder, version))]);
}, 20 * minutes);

async function installNode(folder: string, version: number): Promise<void> {
  const home = join(folder, `node${version}`);
  await mkdir(home);
  await writeFile(join(home, 'package.json'), '{}');
  await expectDone(home, ['npm', 'install', `node-${process.platform}-${process.arch}@${version}`]);
  nodes[version] = join(home, `node_modules/node-${process.platform}-${process.arch}/bin/node`);
}

async function packAndFollowPage(folder: string): Promise<void> {
  const clone = join(folder, 'klinehouse');
  await mkdir(clone);
  const { stdout } = await expectDone(root, ['npm', 'pack', '--pack-destination', clone, '--json']);
  tarball = join(clone, JSON.parse(stdout.slice(stdout.indexOf('[\n')))[0].filename);

  // In the order of the page: it installs the package, writes and runs a project, and runs the built-in pipeline.
  const project = join(folder, 'project');
  await mkdir(project);
  await writeFile(join(project, 'package.json'), '{}');
  for (const command of await commandsOf('docs/package.md'))
    said.push((await expectDone(project, ['sh', '-c', command])).stdout);
  shop = join(project, 'shop');
}

test('every command of docs/package.md does what it says', () => {
  expect(said).toHaveLength(5);
  expect(said[2]).toContain('next: cd shop && npm install && npx klinehouse run\n');
  expect(said[3]).toContain('Done. PASS=11 WARN=0 ERROR=0');
  expect(said[4]).toMatch(/^Done\. PASS=\d+ WARN=0 ERROR=0 SKIP=0/m);
});

/** A copy of the project that shares its packages. */
async function copyOfShop(): Promise<string> {
  const copy = await tempDir('shop-');
  for (const name of await readdir(shop))
    if (name !== 'node_modules' && name !== 'data') await cp(join(shop, name), join(copy, name), { recursive: true });
  await expectDone(copy, ['ln', '-s', join(shop, 'node_modules'), 'node_modules']);
  return copy;
}

test('the package holds what is needed to run, and nothing of its development', async () => {
  const { stdout } = await promisify(execFile)('tar', ['-tzf', tarball]);
  const files = stdout
    .trim()
    .split('\n')
    .map((file) => file.replace(/^package\//, ''));
  expect(files.filter((file) => !file.startsWith('dist/')).sort()).toEqual(['LICENSE', 'README.md', 'package.json']);
  expect(files.filter((file) => /\.test\.|^dist\/(bench|tests\/(?!data\/))|(?<!\.d)\.ts$/.test(file))).toEqual(
    files.filter((file) => /^dist\/template\/.*\.ts$/.test(file)),
  );
  const text = await Promise.all(
    files
      .filter((file) => /^dist\/(engine|queries)\/.*\.js$/.test(file))
      .map((file) => readFile(join(shop, 'node_modules/klinehouse', file), 'utf8')),
  );
  expect(text.join('\n')).not.toContain('pnpm pipeline');
});

describe.each([20, 22, 24])('on Node %i', (version) => {
  test('the project that init writes runs, and again with nothing to do', async () => {
    const copy = await copyOfShop();
    const bin = join('node_modules/klinehouse/dist/engine/cli/bin.js');
    const node = nodes[version] as string;
    const { stdout } = await expectDone(copy, [node, bin, 'run'], node);
    expect(stdout).toContain('Done. PASS=11 WARN=0 ERROR=0');
    const again = await expectDone(copy, [node, bin, 'run'], node);
    expect(again.stdout).toContain('Done. PASS=0 WARN=0 ERROR=0 SKIP=0 NO-OP=1 REUSED=10');

    const duckdb = await DuckDBInstance.create(':memory:');
    const connection = await duckdb.connect();
    const file = join(copy, 'data/local/exports/country_totals.parquet');
    const rows = await connection.runAndReadAll(`SELECT country, revenue::INTEGER FROM '${file}' ORDER BY country`);
    expect(rows.getRows()).toEqual([
      ['DE', 5600],
      ['FR', 4200],
      ['PT', 999],
    ]);
  });

  test('the library answers from a warehouse, and fetches what is missing', async () => {
    const copy = await copyOfShop();
    await writeFile(
      join(copy, 'ask.mjs'),
      `import { getOhlcv } from 'klinehouse';
       import { fileURLToPath } from 'node:url';
       const pipeline = fileURLToPath(new URL('node_modules/klinehouse/dist/pipeline.yaml', import.meta.url));
       const bars = await getOhlcv({
         pipeline, dataDir: 'bars', fetch: true, symbol: 'BTC/USDT', timeframe: '1d', instrumentType: 'futures',
         start: '2025-06-01', end: '2025-06-08',
       });
       console.log(bars.length, process.versions.node.split('.')[0]);`,
    );
    const node = nodes[version] as string;
    const ran = await run(copy, [node, 'ask.mjs'], node);
    if (version === 20) {
      expect(ran.stderr).toContain('Node 22 is required, but this is Node 20');
      // npx finds the Node that the package brings.
      expect(await expectDone(copy, ['npx', 'node', 'ask.mjs'], node)).toMatchObject({ stdout: '7 24\n' });
    } else expect(ran, ran.stderr).toMatchObject({ exitCode: 0, stdout: `7 ${version}\n` });
  });
});

describe('the project that init writes', () => {
  test('has no error of types, and its derived files are those of its definition', async () => {
    await expectDone(shop, ['npx', 'tsc', '--noEmit']);
    await expectDone(shop, ['npx', 'klinehouse', 'schema', 'check']);
  });

  test('a query that does not fit its table does not compile', async () => {
    const copy = await copyOfShop();
    const file = join(copy, 'models/country_totals.ts');
    await writeFile(file, (await readFile(file, 'utf8')).replace("'daily.country',\n", ''));
    const { exitCode, stdout } = await run(copy, ['npx', 'tsc', '--noEmit']);
    expect(exitCode).not.toBe(0);
    expect(stdout).toContain('models/country_totals.ts');
    expect(stdout).toContain('these columns differ from the table');
  });

  test('takes a new column by a migration, which undo takes back, and names its commands in hints', async () => {
    const copy = await copyOfShop();
    const klinehouse = (...words: string[]) => run(copy, ['npx', 'klinehouse', ...words]);
    expect(await klinehouse('run')).toMatchObject({ exitCode: 0 });
    const schema = join(copy, 'models/schema.ts');
    const text = await readFile(schema, 'utf8');
    await writeFile(
      schema,
      text.replace("days: bigint('Days", "first: date.nullable('First.'),\n      days: bigint('Days"),
    );
    expect((await klinehouse('run')).stderr).toContain('npx klinehouse migrate new NAME');
    expect(await klinehouse('migrate', 'new', 'add_first')).toMatchObject({ exitCode: 0 });
    expect(await readdir(join(copy, 'migrations'))).toContain('0002_add_first.sql');
    expect((await klinehouse('migrate', 'undo')).stdout).toContain('removed migrations/0002_add_first.sql');
    expect(await readdir(join(copy, 'migrations'))).not.toContain('0002_add_first.sql');
  });
});

test('a consumer with plain settings compiles against every name that the package exports', async () => {
  const copy = await copyOfShop();
  await writeFile(
    join(copy, 'all.ts'),
    `import * as engine from 'klinehouse/engine';
     import * as library from 'klinehouse';
     import * as vocabulary from 'klinehouse/vocabulary';
     import { openWarehouse, top } from 'klinehouse';

     export async function symbols(): Promise<readonly string[]> {
       await using warehouse = await openWarehouse({ target: 'sample' });
       return (await warehouse.rows(top, { date: 'latest', limit: 3 })).map(({ symbol }) => symbol);
     }
     export const faces = { engine, library, vocabulary };`,
  );
  const settings = { module: 'nodenext', strict: true, skipLibCheck: false, noEmit: true, types: ['node'] };
  await writeFile(join(copy, 'plain.json'), JSON.stringify({ compilerOptions: settings, files: ['all.ts'] }));
  await expectDone(copy, ['npx', 'tsc', '-p', 'plain.json']);
});
