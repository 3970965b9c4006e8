import { execFile, execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, open, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openWarehouse } from '../../engine/duckdb/warehouse.ts';
import { smallArchive, writeSmallArchive } from '../support/archive.ts';
import { builtSample, root } from '../support/pipeline.ts';
import { tempDir } from '../support/temp.ts';

const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;
const cli = (...words: readonly string[]): string =>
  [join(root, 'node_modules/node/bin/node'), join(root, 'engine/cli/main.ts'), ...words].map(quote).join(' ');

interface Ended {
  readonly exitCode: number;
  readonly output: string;
}

/** Runs a bash script, in its own mount namespace if it mounts something. */
const bash = (script: string, namespace = false): Promise<Ended> =>
  new Promise((resolve) => {
    const [file, ...before] = namespace ? ['unshare', '-rm', 'bash'] : ['bash'];
    const env = { PATH: process.env.PATH, TZ: 'UTC' };
    execFile(file as string, [...before, '-c', script], { cwd: root, env, maxBuffer: 1e8 }, (error, stdout, stderr) => {
      resolve({ exitCode: error === null ? 0 : Number(error.code), output: stdout + stderr });
    });
  });

const works = (file: string, ...args: readonly string[]): boolean => {
  try {
    execFileSync(file, args, { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
};

const isLinux = process.platform === 'linux';
const canMount = isLinux && works('unshare', '-rm', 'bash', '-c', 'mount -t tmpfs -o size=1m none /mnt');
const canChangeUser = isLinux && works('setpriv', '--reuid', '65534', '--clear-groups', 'true');
const asNobody = (command: string): string => `setpriv --reuid 65534 --clear-groups ${command}`;

let built: string;
beforeAll(async () => {
  built = await builtSample();
  await chmod(built, 0o755);
});

async function copyOfBuilt(): Promise<string> {
  const copy = await builtSample();
  await chmod(copy, 0o755);
  return copy;
}

interface Row {
  /** The name of the fault in docs/errors.md. */
  readonly fault: string;
  readonly can?: boolean;
  readonly provoke: () => Promise<Ended>;
  readonly path?: string;
}

const rows: readonly Row[] = [
  {
    fault: 'read-only file system',
    can: canMount,
    async provoke() {
      const mount = `mount --bind ${quote(built)} /mnt && mount -o remount,ro,bind /mnt`;
      return bash(`${mount} && ${cli('run', '--data-dir', '/mnt')}`, true);
    },
    path: '/mnt/sample/',
  },
  {
    fault: 'missing permission',
    can: canChangeUser,
    async provoke() {
      const dataDir = await copyOfBuilt();
      await chmod(join(dataDir, 'sample'), 0o700);
      return bash(asNobody(cli('run', '--data-dir', dataDir)));
    },
    path: '/sample: permission denied to user 65534',
  },
  {
    fault: 'unreadable warehouse',
    can: canChangeUser,
    async provoke() {
      const dataDir = await copyOfBuilt();
      await chmod(join(dataDir, 'sample/warehouse.duckdb'), 0o600);
      const ended = await bash(asNobody(cli('query', 'summary', '--data-dir', dataDir)));
      expect(ended.output).not.toContain('backup');
      return ended;
    },
    path: '/sample/warehouse.duckdb',
  },
  {
    fault: 'damaged page',
    async provoke() {
      const dataDir = await copyOfBuilt();
      const file = join(dataDir, 'sample/warehouse.duckdb');
      const { size } = await stat(file);
      await using handle = await open(file, 'r+');
      await handle.write(Buffer.alloc(size - 12_288, 7), 0, size - 12_288, 12_288);
      return bash(cli('query', 'summary', '--data-dir', dataDir));
    },
    path: '/sample/warehouse.duckdb',
  },
  {
    fault: 'name too long',
    provoke: () => bash(cli('query', 'summary', '--data-dir', join(built, 'x'.repeat(300)))),
    path: 'x'.repeat(300),
  },
  {
    fault: 'folder in place of a file',
    async provoke() {
      const dataDir = await copyOfBuilt();
      await rm(join(dataDir, 'sample/target.json'));
      await mkdir(join(dataDir, 'sample/target.json'));
      return bash(cli('query', 'summary', '--data-dir', dataDir));
    },
    path: '/sample/target.json',
  },
  {
    fault: 'file in place of a folder',
    async provoke() {
      const file = join(await tempDir('file-'), 'data');
      await writeFile(file, '');
      return bash(cli('run', '--data-dir', file));
    },
    path: '/data/sample',
  },
  {
    fault: 'too many open files',
    can: isLinux,
    provoke: async () => bash(`ulimit -n 48; ${cli('run', '--data-dir', await tempDir('few-'))}`),
    path: 'only 48 files may be open, but a run needs 64',
  },
  {
    fault: 'out of memory',
    async provoke() {
      await using warehouse = await openWarehouse({ file: ':memory:', memoryLimit: '5MB', threads: 1 });
      await warehouse.run("SET temp_directory = ''");
      const error = await warehouse.rows('SELECT list(range) AS all FROM range(3000000)').catch((thrown) => thrown);
      return { exitCode: error.exitCode, output: `error [${error.code}] ${error.message}` };
    },
  },
  {
    fault: 'full disk',
    can: canMount,
    provoke: () =>
      bash(`mount -t tmpfs -o size=64k none /mnt && ${cli('run', '--quiet', '--data-dir', '/mnt')} 2>&1`, true),
    path: '/mnt/sample',
  },
  {
    fault: 'full standard output',
    can: isLinux,
    provoke: () => bash(`${cli('query', 'summary', '--data-dir', built)} > /dev/full`),
    path: 'stdout: the disk is full',
  },
];

/** The rows of the table in docs/errors.md: fault, code, exit code. */
const table = readFileSync(join(root, 'docs/errors.md'), 'utf8')
  .split('## Faults of the machine')[1]
  ?.split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| fault |'))
  .map((line) => line.split(' | ').map((cell) => cell.replace(/^\| |`| \|$/g, ''))) as readonly string[][];

test('every row of docs/errors.md has a test here', () => {
  expect(table.map(([fault]) => fault)).toEqual(rows.map(({ fault }) => fault));
});

describe('a fault of the machine (those that need root or Linux are skipped elsewhere)', () => {
  for (const { fault, can = true, provoke, path = '' } of rows) {
    test.skipIf(!can)(fault, async () => {
      const [, , code, exitCode] = table.find(([name]) => name === fault) as string[];
      const ended = await provoke();
      expect(ended.output).toContain(`[${code}]`);
      expect(ended.output).toContain(path);
      expect(ended.output).not.toContain('INTERNAL');
      expect(ended.exitCode, ended.output).toBe(Number(exitCode));
    });
  }
});

test.skipIf(!isLinux)('a run adapts to a limit of 64 open files', async () => {
  const dataDir = await tempDir('narrow-');
  const { exitCode, output } = await bash(`ulimit -n 64; ${cli('run', '--select', 'listing', '--data-dir', dataDir)}`);
  expect(exitCode, output).toBe(0);
});

test('a path may contain any character', async () => {
  const folder = await tempDir('signs-');
  const dataDir = join(folder, `a?b#c%41 d'e"f[1]*`);
  const [symbols, days] = [smallArchive.symbols.slice(0, 3), smallArchive.days.slice(-12)];
  const archive = await writeSmallArchive(join(folder, 'the archive'), { symbols, days });
  const words = ['--select', '+rankings', '--as-of', smallArchive.asOf, '--var', 'availability_timeframe=1d'];
  const on = (command: string) => `PIPELINE_ARCHIVE_URL=${quote(archive.directory)} ${command} `;
  const run = await bash(on(cli('run', ...words, '--target', 'mirror', '--data-dir', dataDir)));
  expect(run.exitCode, run.output).toBe(0);
  const query = await bash(on(cli('query', 'summary', '--target', 'mirror', '--data-dir', dataDir)));
  expect(query.exitCode, query.output).toBe(0);
  expect(readdirSync(folder).sort()).toEqual([`a?b#c%41 d'e"f[1]*`, 'the archive']);
});
