import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, link, lstat, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type PipelineResult, pipelineInProcess, root, startPipeline } from '../../support/pipeline.ts';
import { expectExit } from '../../support/published.ts';
import { tempDir } from '../../support/temp.ts';
import { type Fixture, writeWarehouse } from './fixture.ts';

const ask = ['query', 'snapshot', '2025-05-13'];
let fixture: Fixture;
/** The answer to the question as CSV. */
let csv: string;
beforeAll(async () => {
  fixture = await writeWarehouse();
  csv = (await query()).stdout;
  expect(csv.split('\n')).toHaveLength(8);
}, 60_000);

let folder: string;
beforeEach(async () => {
  folder = await tempDir('output-');
});

const query = (...words: readonly string[]) => pipelineInProcess([...ask, ...words], { dataDir: fixture.dataDir });
const textOf = (name: string) => readFile(join(folder, name), 'utf8');

function expectUsage({ exitCode, stderr }: PipelineResult, text: string): void {
  expect(stderr).toContain('error [USAGE]');
  expect(stderr).toContain(text);
  expect(exitCode).toBe(2);
}

describe('B37: --output writes like the shell', () => {
  test('- and /dev/stdout are stdout', async () => {
    for (const output of ['-', '/dev/stdout', '/dev/fd/1']) {
      const { exitCode, stdout, stderr } = await query('--output', output);
      expect([exitCode, stdout]).toEqual([0, csv]);
      expect(stderr).not.toContain('rows to');
    }
  });

  test('/dev/null takes everything and stays a device', async () => {
    const before = await stat('/dev/null');
    const { exitCode, stderr } = await query('--output', '/dev/null');
    expect(stderr).toContain('6 rows to /dev/null');
    expect(exitCode).toBe(0);
    const after = await stat('/dev/null');
    expect([after.isCharacterDevice(), after.ino]).toEqual([true, before.ino]);
  });

  test('/dev/full is a full disk, and stays a device', async () => {
    const { exitCode, stderr } = await query('--output', '/dev/full');
    expect(stderr).toContain('error [DISK_FULL] /dev/full: the disk is full');
    expect(exitCode).toBe(1);
    expect((await stat('/dev/full')).isCharacterDevice()).toBe(true);
  });

  test('a named pipe gets the rows and stays a pipe, and a reader that leaves early causes no failure', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    const [read, written] = await Promise.all([promisify(execFile)('cat', [pipe]), query('--output', pipe)]);
    expectExit(written, 0);
    expect(read.stdout).toBe(csv);
    const many = ['query', 'ohlcv', 'BTCUSDT', '--timeframe', '1m', '--output', pipe];
    const [head, cut] = await Promise.all([
      promisify(execFile)('head', ['-1', pipe]),
      pipelineInProcess(many, { dataDir: fixture.dataDir }),
    ]);
    expectExit(cut, 0);
    expect(head.stdout).toContain('symbol');
    expect((await stat(pipe)).isFIFO()).toBe(true);
    expect(await readdir(folder)).toEqual(['pipe']);
  });

  test('a pipe gets Arrow as a stream', async () => {
    const pipe = join(folder, 'rows.arrow');
    execFileSync('mkfifo', [pipe]);
    const cat = promisify(execFile)('cat', [pipe], { encoding: 'buffer' });
    expectExit(await query('--output', pipe), 0);
    expect((await cat).stdout.subarray(0, 4)).toEqual(Buffer.from([255, 255, 255, 255]));
  });

  test('a pipe without a reader is waited for until Ctrl-C', async () => {
    const pipe = join(folder, 'pipe.csv');
    execFileSync('mkfifo', [pipe]);
    const running = startPipeline([...ask, '--output', pipe], { dataDir: fixture.dataDir });
    await running.line((line) => line.includes('units:'));
    running.child.kill('SIGINT');
    expect((await running.result).exitCode).toBe(130);
  });

  test('a process substitution of bash gets the rows', async () => {
    const main = [join(root, 'node_modules/node/bin/node'), join(root, 'engine/cli/main.ts')];
    const words = [...main, ...ask, '--data-dir', fixture.dataDir, '--output'].map((word) => `'${word}'`).join(' ');
    const shell = spawn('bash', ['-c', `${words} >(cat > '${folder}/rows') 2>&1; wait; sync`], { cwd: root });
    await once(shell, 'close');
    await expect.poll(() => textOf('rows').catch(() => '')).toBe(csv);
  });

  test('a link is written through, even if its target does not exist yet', async () => {
    await mkdir(join(folder, 'other'));
    await writeFile(join(folder, 'other/old.csv'), 'old');
    await symlink('other/old.csv', join(folder, 'old.csv'));
    await symlink('old.csv', join(folder, 'chain.csv'));
    await symlink('other/new.csv', join(folder, 'new.csv'));
    for (const name of ['chain.csv', 'new.csv']) expectExit(await query('--output', join(folder, name)), 0);
    expect([await textOf('other/old.csv'), await textOf('other/new.csv')]).toEqual([csv, csv]);
    expect([await readlink(join(folder, 'chain.csv')), await readlink(join(folder, 'new.csv'))]).toEqual([
      'old.csv',
      'other/new.csv',
    ]);
    expect((await readdir(join(folder, 'other'))).sort()).toEqual(['new.csv', 'old.csv']);
  });

  test('a file keeps its mode and its hard links', async () => {
    await writeFile(join(folder, 'mine.csv'), 'old', { mode: 0o600 });
    await chmod(join(folder, 'mine.csv'), 0o600);
    await writeFile(join(folder, 'a.csv'), 'a longer text than the rows'.repeat(1000));
    await link(join(folder, 'a.csv'), join(folder, 'b.csv'));
    for (const name of ['mine.csv', 'a.csv']) expectExit(await query('--output', join(folder, name)), 0);
    expect((await lstat(join(folder, 'mine.csv'))).mode & 0o777).toBe(0o600);
    expect([await textOf('a.csv'), await textOf('b.csv')]).toEqual([csv, csv]);
  });

  test.each([
    ['a folder', async () => mkdir(join(folder, 'to.csv')), 'is a folder'],
    ['a link into a missing folder', async () => symlink('gone/x.csv', join(folder, 'to.csv')), 'does not exist'],
  ])('%s is refused', async (_, make, text) => {
    await make();
    expectUsage(await query('--output', join(folder, 'to.csv')), text);
  });

  test('a circular link is refused', async () => {
    await symlink('to.csv', join(folder, 'to.csv'));
    const { exitCode, stderr } = await query('--output', join(folder, 'to.csv'));
    expect(stderr).toContain(`error [PATH_INVALID] ${join(folder, 'to.csv')}: symbolic links form a cycle`);
    expect(exitCode).toBe(2);
  });

  test('a socket is refused', async () => {
    const server = createServer().listen(join(folder, 'to.csv'));
    await once(server, 'listening');
    expectUsage(await query('--output', join(folder, 'to.csv')), 'is a socket');
    server.close();
  });
});

describe('the name of a file determines the format', () => {
  test.each(['rows.xlsx', 'rows.csv.gz', 'rows.table', 'rows', 'rows.', '.csv'])('%s names none', async (name) => {
    expectUsage(await query('--output', join(folder, name)), '.csv, .json, .parquet, .arrow, .arrows');
    expect(await readdir(folder)).toEqual([]);
  });

  test('in upper or lower case, but --format takes precedence', async () => {
    for (const [name, ...format] of [['ROWS.CSV'], ['rows', '--format', 'csv'], ['rows.json', '--format', 'csv']]) {
      expectExit(await query('--output', join(folder, name as string), ...format), 0);
      expect(await textOf(name as string)).toBe(csv);
    }
  });
});

test('B37: archive lock also writes to a device, a link and stdout', async () => {
  const lock = (output: string) =>
    pipelineInProcess(['archive', 'lock', '--output', output], { dataDir: fixture.dataDir });
  await symlink('locked', join(folder, 'link'));
  expectExit(await lock(join(folder, 'link')), 0);
  const text = await textOf('locked');
  expect((await lstat(join(folder, 'link'))).isSymbolicLink()).toBe(true);
  expect((await lock('-')).stdout).toBe(text);
  expectExit(await lock('/dev/null'), 0);
  expect((await stat('/dev/null')).isCharacterDevice()).toBe(true);
});
