import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { cp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeAll, expect, test } from 'vitest';
import { fileDigest } from '../../engine/disk.ts';
import { openBucket } from '../../engine/publish/s3.ts';
import { usualPolicy } from '../../engine/publish/s3-client.ts';
import { type PipelineOptions, startPipeline } from '../support/pipeline.ts';
import { expectExit, expectSameRows, publishedRows, warehouseOf } from '../support/published.ts';
import { clocks, type PublishingProject, publishingProject, readLatestFile } from '../support/publishing.ts';
import { describeS3, type S3Server, startS3 } from '../support/s3.ts';
import { tempDir } from '../support/temp.ts';

describeS3('a bucket', () => {
  let project: PublishingProject;
  let s3: S3Server;
  beforeAll(async () => {
    [project, s3] = [await publishingProject(), await startS3()];
    return async () => {
      await s3[Symbol.asyncDispose]();
      await project[Symbol.asyncDispose]();
    };
  });
  afterEach(async () => {
    s3.fate = undefined;
    await rm(s3.folder, { recursive: true, force: true });
  });
  const publish = (dataDir: string, ...more: readonly string[]) =>
    project.callWith(s3.env, dataDir, 'publish', '--to', s3.address, ...more);
  const restore = (dataDir: string, ...more: readonly string[]) =>
    project.callWith(s3.env, dataDir, 'restore', '--from', s3.address, ...more);
  const open = (env = s3.env, policy = {}) => {
    const quick = { ...usualPolicy, attempts: 4, base: 5, ...policy };
    return openBucket(s3.address, { env, cwd: '/', signal: new AbortController().signal }, quick);
  };
  const fileOf = async (bytes: Buffer) => {
    const file = join(await tempDir('file-'), 'file');
    await writeFile(file, bytes);
    return { file, size: bytes.length, sha256: (await fileDigest(file)) as string };
  };

  test('keeps versions: unchanged files are copied by the service, and a restored target goes on', async () => {
    const target = await project.ranOnce();
    expectExit(await publish(target), 0);
    const elsewhere = await tempDir('elsewhere-');
    expectExit(await restore(elsewhere), 0);
    await expectSameRows(elsewhere, await publishedRows(target));
    expectExit(await project.call(elsewhere, 'run', '--as-of', clocks.first), 0);
    const sent: string[] = [];
    s3.fate = ({ method, url = '', headers }) => {
      if (method === 'PUT' && headers['x-amz-copy-source'] === undefined) sent.push(url);
      return undefined;
    };
    expectExit(await publish(elsewhere), 0);
    expect(sent.filter((url) => url.includes('/ohlcv/'))).toEqual([]);
    expect(sent.filter((url) => url.endsWith('/latest.json'))).toHaveLength(1);
    await expectComplete(s3.folder);
  });

  test('refuses wrong credentials, and no output contains the secret', async () => {
    const target = await project.ranOnce();
    const wrong = { ...s3.env, AWS_SECRET_ACCESS_KEY: 'not-the-secret' };
    const result = await project.callWith(wrong, target, 'publish', '--to', s3.address, '--debug');
    expectExit(result, 2);
    expect(result.stderr).toContain('STORE_REFUSED');
    expect(result.stdout + result.stderr).not.toContain('not-the-secret');
    const none = await project.callWith(
      { ...s3.env, AWS_SECRET_ACCESS_KEY: '' },
      target,
      'publish',
      '--to',
      s3.address,
    );
    expectExit(none, 2);
    expect(none.stderr).toContain('set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY');
    const missing = await project.callWith(s3.env, target, 'publish', '--to', 's3://nothing-here/x');
    expectExit(missing, 2);
    expect(missing.stderr).toContain('NoSuchBucket');
  });

  test('survives a storm of 503, lost answers and cut downloads', async () => {
    const target = await project.ranOnce();
    let number = 0;
    s3.fate = ({ method }) => {
      number++;
      if (number % 3 === 0) return { kind: 'answer', status: 503 };
      if (number % 5 === 0 && method === 'PUT') return { kind: 'lose' };
      return number % 7 === 0 && method === 'GET' ? { kind: 'cut' } : undefined;
    };
    expectExit(await publish(target), 0);
    await expectComplete(s3.folder);
    const elsewhere = await tempDir('elsewhere-');
    expectExit(await restore(elsewhere), 0);
    await expectSameRows(elsewhere, await publishedRows(target));
  });

  test('gives up when the service stays away: the version before stays', async () => {
    s3.fate = () => ({ kind: 'answer', status: 503 });
    const { add, read } = open();
    await expect(add('a.json', await fileOf(Buffer.from('{}')))).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
    s3.fate = undefined;
    expect(await read('a.json')).toBeUndefined();
    const away = open({ ...s3.env, AWS_ENDPOINT_URL: 'http://127.0.0.1:9' });
    await expect(away.read('latest.json')).rejects.toMatchObject({ code: 'STORE_UNREACHABLE' });
  });

  test('a full bucket leaves the version before', async () => {
    const target = await project.ranOnce();
    expectExit(await publish(target), 0);
    const before = await readLatestFile(s3.folder);
    expectExit(await project.call(target, 'run', '--as-of', clocks.first), 0);
    s3.fate = ({ method, url = '' }) =>
      method === 'PUT' && url.includes('/state/')
        ? { kind: 'answer', status: 507, body: '<Error><Code>QuotaExceeded</Code></Error>' }
        : undefined;
    const result = await publish(target);
    expectExit(result, 1);
    expect(result.stderr).toContain('STORE_FULL');
    expect(await readLatestFile(s3.folder)).toEqual(before);
    s3.fate = undefined;
    expectExit(await publish(target), 0);
    await expectComplete(s3.folder);
  });

  test('of two publishers at the same time one wins and the other says so', async () => {
    const [one, two] = [await project.ranOnce(), await project.ranOnce()];
    expectExit(await project.call(two, 'run', '--as-of', clocks.first), 0);
    const results = await Promise.all([publish(one), publish(two)]);
    const lost = results.filter(({ exitCode }) => exitCode !== 0);
    expect(lost.map(({ exitCode, stderr }) => [exitCode, stderr.includes('PUBLISH_CONFLICT')])).toEqual([[1, true]]);
    await expectComplete(s3.folder);
  });

  test('sends a large file in parts, and copies one that is too large for a copy', async () => {
    const store = open(s3.env, { partSize: 5 * 1024 ** 2, largestCopy: 1024 });
    const bytes = randomBytes(12 * 1024 ** 2);
    const local = await fileOf(bytes);
    await store.add('versions/a/big file+1.bin', local);
    await store.copy('versions/a/big file+1.bin', 'versions/b/x=%E5%B8%81/data.bin', local);
    const to = join(await tempDir('fetched-'), 'file');
    expect(await store.fetch('versions/b/x=%E5%B8%81/data.bin', to)).toBe(true);
    expect((await readFile(to)).equals(bytes)).toBe(true);
    await store.add('versions/a/big file+1.bin', local); // is there already
    const other = await fileOf(randomBytes(6 * 1024 ** 2));
    await expect(store.add('versions/a/big file+1.bin', other)).rejects.toMatchObject({ code: 'PUBLICATION_BLOCKED' });
    expect(await store.list('versions')).toEqual(['versions/a/big file+1.bin', 'versions/b/x=%E5%B8%81/data.bin']);
    expect(await store.names('versions')).toEqual(['a', 'b']);
    await store.remove(await store.list('versions'));
    expect(await store.list('versions')).toEqual([]);
  });

  test('switches a file only if it is as it was read', async () => {
    const store = open();
    const [a, b, c] = ['a', 'b', 'c'].map((text) => Buffer.from(text)) as [Buffer, Buffer, Buffer];
    expect(await store.replace('latest.json', a, undefined)).toBe(true);
    expect(await store.replace('latest.json', b, undefined)).toBe(false);
    const tag = (await store.read('latest.json'))?.tag as string;
    expect(await store.replace('latest.json', b, tag)).toBe(true);
    expect(await store.replace('latest.json', c, tag)).toBe(false);
    expect((await store.read('latest.json'))?.bytes.toString()).toBe('b');
  });

  /**
   * Starts a command as a process and kills it some time after it has sent request number `at`; true if it was still
   * running.
   */
  async function killedAt(at: number, afterMs: number, args: readonly string[], dataDir: string): Promise<boolean> {
    const options: PipelineOptions = { dataDir, cwd: project.root, env: { ...s3.env, ...project.env } };
    const { child, result } = startPipeline([...args, ...project.fixed], options);
    let number = 0;
    s3.fate = () => {
      if (number++ === at) setTimeout(() => child.kill('SIGKILL'), afterMs);
      return undefined;
    };
    const { exitCode, stderr } = await result;
    s3.fate = undefined;
    if (exitCode !== null) expect(exitCode, stderr).toBe(0);
    return exitCode === null;
  }

  test('a kill at any of 30 instants leaves one complete version, and a rerun ends as if undisturbed', async () => {
    const [first, second] = [await project.ranOnce(), await project.ranOnce()];
    expectExit(await publish(first), 0);
    const before = await readLatestFile(s3.folder);
    await cp(join(first, 'mirror/target.json'), join(second, 'mirror/target.json'));
    expectExit(await project.call(second, 'run', '--as-of', clocks.first), 0);
    let kills = 0;
    for (let at = 0; kills < 23; at++) {
      const wasKilled = await killedAt(at, 0, ['publish', '--to', s3.address], second);
      const latest = await readLatestFile(s3.folder);
      if (latest.version !== before.version) expect(latest.previous).toBe(before.version);
      await expectComplete(s3.folder);
      if (!wasKilled) break;
      kills++;
    }
    expectExit(await publish(second), 0);
    const { version, previous } = await readLatestFile(s3.folder);
    expect(previous).toBe(before.version);
    expect((await readdir(join(s3.folder, 'history'))).sort()).toEqual([`${before.version}.json`, `${version}.json`]);
    expect((await readdir(join(s3.folder, 'versions'))).sort()).toEqual([before.version, version].sort());
    await expectComplete(s3.folder);
    expect(await readdir(join(second, 'mirror'))).not.toContain('publishing');

    const elsewhere = await tempDir('elsewhere-');
    const rows = await publishedRows(second);
    const last = 6; // requests of a restore: latest.json, the history, the manifest, the files
    const instants = [
      ...Array.from({ length: last }, (_, at) => [at, 0] as const),
      ...[0, 20, 50, 100, 200, 300, 500, 800].map((delay) => [last, delay] as const),
    ];
    for (const [at, delay] of instants) {
      if (!(await killedAt(at, delay, ['restore', '--from', s3.address], elsewhere))) break;
      kills++;
    }
    expect(kills).toBeGreaterThanOrEqual(30);
    if (existsSync(join(elsewhere, 'mirror/restoring')) || !existsSync(warehouseOf(elsewhere)))
      expectExit(await restore(elsewhere), 0);
    await expectSameRows(elsewhere, rows);
    expect(await readdir(join(elsewhere, 'mirror'))).not.toContain('restoring');
  }, 900_000);
});

/** What latest.json names is there, with every file that its sums list. */
async function expectComplete(folder: string): Promise<void> {
  const version = join(folder, (await readLatestFile(folder)).folder);
  const lines = (await readFile(join(version, 'SHA256SUMS'), 'utf8')).trimEnd().split('\n');
  for (const line of lines) expect(await fileDigest(join(version, line.slice(66))), line).toBe(line.slice(0, 64));
  expect(lines.length).toBeGreaterThan(10);
}
