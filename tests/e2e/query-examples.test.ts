import { execFile } from 'node:child_process';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, describe, expect, test } from 'vitest';
import { questions } from '../../queries/questions.ts';
import { codeBlocks } from '../checks/markdown.ts';
import { pipelineInProcess, root } from '../support/pipeline.ts';
import { expectExit, warehouseOf } from '../support/published.ts';
import { tempDir } from '../support/temp.ts';

const page = await readFile(join(root, 'docs/query-examples.md'), 'utf8');

/** The runs after which every question has an answer with rows. */
const runs = codeBlocks(page.split(/^## /m)[0] as string, 'sh').flatMap((code) => code.trim().split('\n'));

const sections = page
  .split(/^## /m)
  .slice(1)
  .map((section) => ({ title: section.split('\n')[0] as string, section }));

const pairs = sections.flatMap(({ title, section }) => {
  const [command] = codeBlocks(section, 'sh');
  const [sql] = codeBlocks(section, 'sql');
  return command === undefined || sql === undefined ? [] : [{ title, command: command.trim(), sql }];
});

/** The rest of a command after `pnpm pipeline`. */
const wordsOf = (command: string): readonly string[] => command.split(' ').slice(2);

/** The programs on the page and in the library's doc comments. */
async function readPrograms(): Promise<readonly { readonly from: string; readonly code: string }[]> {
  const files = (await readdir(join(root, 'queries'))).filter((name) => name.endsWith('.ts'));
  const comments = await Promise.all(
    files.map(async (name) => {
      const text = (await readFile(join(root, 'queries', name), 'utf8')).replaceAll(/^ \* ?/gm, '');
      return codeBlocks(text, 'ts').map((code) => ({ from: `queries/${name}`, code }));
    }),
  );
  return [...codeBlocks(page, 'ts').map((code) => ({ from: 'docs/query-examples.md', code })), ...comments.flat()];
}

const programs = await readPrograms();

/** A folder that looks like a clone after `pnpm pipeline run`. */
async function cloneWithoutData(): Promise<string> {
  const clone = await tempDir('clone-');
  for (const name of await readdir(root)) {
    if (name !== 'data' && !name.startsWith('.')) await symlink(join(root, name), join(clone, name));
  }
  return clone;
}

describe('docs/query-examples.md, on the sample', () => {
  let clone: string;
  let dataDir: string;
  let duckdb: DuckDBInstance;
  beforeAll(async () => {
    clone = await cloneWithoutData();
    dataDir = join(clone, 'data');
    for (const command of runs) expectExit(await pipelineInProcess(wordsOf(command), { dataDir }), 0);
    duckdb = await DuckDBInstance.create(warehouseOf(dataDir, 'sample'), { access_mode: 'READ_ONLY' });
    return () => duckdb.closeSync();
  });

  async function csvOf(sql: string): Promise<string> {
    const file = join(await tempDir('sql-'), 'rows.csv');
    const connection = await duckdb.connect();
    await connection.run(`COPY (${sql.trim().replace(/;$/, '')}) TO '${file}' (FORMAT csv, HEADER)`);
    connection.closeSync();
    return readFile(file, 'utf8');
  }

  test('has a command with its SQL for the top 100, the volume trend and a dozen more', () => {
    expect(pairs.length).toBeGreaterThanOrEqual(14);
    expect(pairs.map(({ command }) => command)).toEqual(
      expect.arrayContaining(['pnpm pipeline query top 2025-06-17 --limit 100', 'pnpm pipeline query volume BTCUSDT']),
    );
  });

  test('has an example of every question', () => {
    const asked = new Set(pairs.map(({ command }) => command.split(' ')[3]));
    expect(questions.map(({ name }) => name).filter((name) => !asked.has(name))).toEqual([]);
  });

  test.each(pairs)('$title: the command and the SQL give the same rows, at least one', async ({ command, sql }) => {
    expect(command).toMatch(/^pnpm pipeline query /);
    const result = await pipelineInProcess(wordsOf(command), { dataDir });
    expectExit(result, 0);
    expect(result.stdout).toBe(await csvOf(sql));
    expect(result.stdout.trimEnd().split('\n').length).toBeGreaterThan(1);
  });

  test.each(programs)('a program in $from runs', async ({ code }) => {
    const file = join(clone, `example-${code.length}.ts`);
    await writeFile(file, code);
    const node = join(root, 'node_modules/.bin/node');
    const { stdout, stderr } = await promisify(execFile)(node, ['-C', 'klinehouse-source', file], { cwd: clone });
    expect(stderr).toBe('');
    expect(stdout.trim()).not.toBe('');
    expect(stdout).not.toMatch(/undefined|NaN/);
  });
});
