import { execFile } from 'node:child_process';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { DuckDBInstance } from '@duckdb/node-api';
import { beforeAll, describe, expect, test } from 'vitest';
import { pipelineInProcess, root } from '../support/pipeline.ts';
import { expectExit, warehouseOf } from '../support/published.ts';
import { tempDir } from '../support/temp.ts';

const page = await readFile(join(root, 'docs/query-examples.md'), 'utf8');

const codeOf = (section: string, language: string) =>
  [...section.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, code]) => code as string);

const sections = page
  .split(/^## /m)
  .slice(1)
  .map((section) => ({ title: section.split('\n')[0] as string, section }));

const pairs = sections.flatMap(({ title, section }) => {
  const [command] = codeOf(section, 'sh');
  const [sql] = codeOf(section, 'sql');
  return command === undefined || sql === undefined ? [] : [{ title, command: command.trim(), sql }];
});

/** The programs of the page and of the library's doc comments. */
async function readPrograms(): Promise<readonly { readonly from: string; readonly code: string }[]> {
  const files = (await readdir(join(root, 'queries'))).filter((name) => name.endsWith('.ts'));
  const comments = await Promise.all(
    files.map(async (name) => {
      const text = (await readFile(join(root, 'queries', name), 'utf8')).replaceAll(/^ \* ?/gm, '');
      return codeOf(text, 'ts').map((code) => ({ from: `queries/${name}`, code }));
    }),
  );
  return [...codeOf(page, 'ts').map((code) => ({ from: 'docs/query-examples.md', code })), ...comments.flat()];
}

const programs = await readPrograms();

/** A folder that looks like a clone in which `pnpm pipeline run` has been run. */
async function cloneWithoutData(): Promise<string> {
  const clone = await tempDir('clone-');
  for (const name of await readdir(root)) {
    if (name !== 'data' && !name.startsWith('.')) await symlink(join(root, name), join(clone, name));
  }
  return clone;
}

/** The sample has no spot: its prices here are those of the futures, moved by up to a percent from day to day. */
async function writeSpotBars(file: string): Promise<void> {
  const instance = await DuckDBInstance.create(file);
  const connection = await instance.connect();
  await connection.run(`INSERT INTO ohlcv SELECT * REPLACE ('spot' AS instrument_type, close * (0.99 + day("timestamp") / 2000) AS close)
    FROM ohlcv WHERE symbol = 'BTCUSDT' AND timeframe = '1d' AND instrument_type = 'futures-um'`);
  connection.closeSync();
  instance.closeSync();
}

describe('docs/query-examples.md, on the sample', () => {
  let clone: string;
  let dataDir: string;
  let duckdb: DuckDBInstance;
  beforeAll(async () => {
    clone = await cloneWithoutData();
    dataDir = join(clone, 'data');
    expectExit(await pipelineInProcess(['run'], { dataDir }), 0);
    await writeSpotBars(warehouseOf(dataDir, 'sample'));
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

  test('has a command and its SQL for the top 100, the volume trend and a dozen more', () => {
    expect(pairs.length).toBeGreaterThanOrEqual(14);
    expect(pairs.map(({ command }) => command)).toEqual(
      expect.arrayContaining(['pnpm pipeline query top 2025-06-17 --limit 100', 'pnpm pipeline query volume BTCUSDT']),
    );
  });

  test.each(pairs)('$title: the command and the SQL agree', async ({ command, sql }) => {
    expect(command).toMatch(/^pnpm pipeline query /);
    const result = await pipelineInProcess(command.split(' ').slice(2), { dataDir });
    expectExit(result, 0);
    expect(result.stdout).toBe(await csvOf(sql));
    const mayBeEmpty = / (rejected|revisions|conflicts|irregular)$/.test(command);
    expect(result.stdout.trimEnd().split('\n').length).toBeGreaterThan(mayBeEmpty ? 0 : 1);
  });

  test.each(programs)('a program of $from runs', async ({ code }) => {
    const file = join(clone, `example-${code.length}.ts`);
    await writeFile(file, code);
    const node = join(root, 'node_modules/.bin/node');
    const { stdout, stderr } = await promisify(execFile)(node, [file], { cwd: clone });
    expect(stderr).toBe('');
    expect(stdout.trim()).not.toBe('');
    expect(stdout).not.toMatch(/undefined|NaN/);
  });
});
