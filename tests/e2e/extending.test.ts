import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { codeBlocks } from '../checks/markdown.ts';
import { type PipelineResult, pipeline, root } from '../support/pipeline.ts';
import { queryWarehouse } from '../support/rows.ts';
import { scratchProject } from '../support/scratch.ts';

const page = await readFile(join(root, 'docs/extending.md'), 'utf8');

/** Code of the page: a new file, or lines to add to a file after one of its lines. */
interface Code {
  readonly file: string;
  readonly after: string | undefined;
  readonly text: string;
}

/** Each part of the page by its heading, with its code and its commands in order. */
const parts = new Map(
  page
    .split(/^## /m)
    .slice(1)
    .map((text) => {
      const code = text.matchAll(/`([^`\n]+)`(?:, after `([^`\n]+)`)?:\n\n```(?!sh)\w+\n([\s\S]*?)^```/gm);
      const commands = codeBlocks(text, 'sh').flatMap((block) => block.trim().split('\n'));
      return [
        text.slice(0, text.indexOf('\n')),
        { code: [...code].map(([, file = '', after, text = '']): Code => ({ file, after, text })), commands },
      ] as const;
    }),
);
const allCode = [...parts.values()].flatMap(({ code }) => code);

describe('docs/extending.md', () => {
  let scratch: Awaited<ReturnType<typeof scratchProject>>;
  beforeAll(async () => {
    scratch = await scratchProject({ copy: ['extract', 'queries', 'tests/models'] });
  });

  /** Does what a part says, with one text replaced by another; returns what each command printed. */
  async function follow(
    heading: string,
    [said, meant]: readonly [string, string] = ['', ''],
  ): Promise<readonly PipelineResult[]> {
    const { code, commands } = parts.get(heading) ?? { code: [], commands: [] };
    expect(commands.length, heading).toBeGreaterThan(0);
    for (const { file, after, text: written } of code) {
      const text = written.replace(said, meant);
      if (after !== undefined) await scratch.edit(file, `${after}\n`, `${after}\n${text}`);
      else {
        await mkdir(dirname(join(scratch.root, file)), { recursive: true });
        await writeFile(join(scratch.root, file), text, { flag: 'wx' });
      }
    }
    const results: PipelineResult[] = [];
    for (const command of commands) {
      const words = command.replace(/^pnpm pipeline /, '').split(' ');
      const result = await pipeline(words, { cwd: scratch.root, dataDir: scratch.dataDir });
      expect(result.exitCode, `${command}\n${result.stdout}\n${result.stderr}`).toBe(0);
      results.push(result);
    }
    return results;
  }

  /** The nodes of the last run or test of the project. */
  async function results(): Promise<readonly { readonly id: string; readonly status: string }[]> {
    const { results } = JSON.parse(await readFile(join(scratch.dataDir, 'sample/artifacts/run.json'), 'utf8'));
    return results.map(({ unique_id, status }: Record<string, string>) => ({ id: unique_id, status }));
  }

  test('has a file of at most 20 lines for each kind of thing, and all its code is followed', () => {
    expect([...parts.keys()]).toEqual([
      'A model, with its tests and its export',
      'A seed',
      'A data test',
      'A unit test',
      'A query',
      'An extractor',
    ]);
    const languages = ['ts', 'yaml', 'csv'].flatMap((language) => codeBlocks(page, language));
    expect(allCode.map(({ text }) => text).sort()).toEqual(languages.sort());
    for (const { file, text } of allCode)
      expect(text.split('\n').filter((line) => line.trim() !== '').length, file).toBeLessThanOrEqual(20);
  });

  test('a model, three tests and an export take 2 files and 2 commands in a fresh clone', async () => {
    const heading = 'A model, with its tests and its export';
    const { code = [], commands = [] } = parts.get(heading) ?? {};
    expect([...new Set(code.map(({ file }) => file))]).toHaveLength(2);
    expect(commands).toHaveLength(2);
    const [, run] = await follow(heading);
    const built = (await results()).filter(({ id }) => id.includes('daily_turnover'));
    expect(built.map(({ id, status }) => `${id}: ${status}`).sort()).toEqual([
      'export.daily_turnover: pass',
      'model.daily_turnover: pass',
      'test.not_null_daily_turnover: pass',
      'test.range_daily_turnover_largest: pass',
      'test.unique_daily_turnover_date: pass',
    ]);
    expect(run?.stdout).toContain('ERROR=0');
    const file = join(scratch.dataDir, 'sample/exports/daily_turnover.parquet');
    const rankings = join(scratch.dataDir, 'sample/warehouse.duckdb');
    const { rows } = await queryWarehouse(rankings, `SELECT count(*) FROM '${file}'`);
    expect(rows).toEqual((await queryWarehouse(rankings, 'SELECT count(DISTINCT date) FROM volume_rankings')).rows);
  }, 180_000);

  test('a seed is loaded', async () => {
    await follow('A seed');
    const { rows } = await queryWarehouse(
      join(scratch.dataDir, 'sample/warehouse.duckdb'),
      'SELECT * FROM sectors ORDER BY 1',
    );
    expect(rows).toEqual([
      ['BTC', 'money'],
      ['ETH', 'platform'],
      ['SOL', 'platform'],
    ]);
  });

  test('a data test runs, and fails where its rule is broken', async () => {
    await follow('A data test');
    const id = 'test.sectors_are_listed';
    expect(await results()).toContainEqual({ id, status: 'pass' });
    await scratch.edit('tests/data/sectors_are_listed.ts', "'not in'", "'in'");
    const broken = await pipeline(['test', '--select', 'symbols'], { cwd: scratch.root, dataDir: scratch.dataDir });
    expect(broken).toMatchObject({ exitCode: 1, stderr: expect.stringContaining('3 rows fail') });
    expect(await results()).toContainEqual({ id, status: 'error' });
  });

  test('a unit test passes', async () => {
    const [ran] = await follow('A unit test');
    expect(ran?.stdout).toContain('PASS symbols: a_delivery_contract_is_not_perpetual\n');
  });

  test('a query is answered', async () => {
    const [ran] = await follow('A query');
    expect(ran?.stdout).toBe('sector,contracts\nmoney,1\nplatform,2\n');
  });

  test('an extractor loads what a server has', async () => {
    await using server = createServer((_, response) => response.end('symbol,date,reason\nLUNAUSDT,2022-05-13,\n'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await follow('An extractor', ['https://example.com', `http://127.0.0.1:${port}`]);
    const { rows } = await queryWarehouse(join(scratch.dataDir, 'sample/warehouse.duckdb'), 'SELECT * FROM halts');
    expect(rows).toEqual([['LUNAUSDT', '2022-05-13', null]]);
  });

  test('all its modules compile', async () => {
    const files = allCode.filter(({ file, after }) => file.endsWith('.ts') && after === undefined);
    const settings = { extends: './tsconfig.json', include: [], files: files.map(({ file }) => file) };
    await cp(join(root, 'tsconfig.json'), join(scratch.root, 'tsconfig.json'));
    await writeFile(join(scratch.root, 'page.json'), JSON.stringify(settings));
    const tsc = join(root, 'node_modules/.bin/tsc');
    const { stdout } = await promisify(execFile)(tsc, ['--noEmit', '-p', 'page.json'], { cwd: scratch.root }).catch(
      (failed: { stdout: string }) => failed,
    );
    expect(stdout).toBe('');
  });
});
