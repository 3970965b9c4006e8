import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { daysFrom, header } from '../../support/archive.ts';
import { node, outputOf } from '../../support/node-process.ts';
import { root } from '../../support/pipeline.ts';
import { tempDir } from '../../support/temp.ts';
import { zipOf } from '../../support/zip.ts';
import { type Bucket, openBucket } from './bucket.ts';
import { filesBelow, keyOf, rowOf, runExtracts } from './support.ts';

const script = `
  import { runExtracts } from './tests/integration/extract/support.ts';
  const [url, stagingDir] = process.argv.slice(1);
  try {
    await runExtracts({ url, stagingDir, options: { connections: 4 } });
  } catch (error) {
    console.log(JSON.stringify({ code: error.code, ...error.details, cause: undefined }));
  }
`;

const june = daysFrom('2025-06-01', 30);
const symbols = ['BTCUSDT', 'ETHUSDT', '币安人生USDT'];

/** The journal sorted, since its order is that of arrival, and everything else unchanged. */
function stateOf(stagingDir: string) {
  const files = new Map(filesBelow(stagingDir));
  const journal = readFileSync(join(stagingDir, 'journal.jsonl'), 'utf8').split('\n').slice(0, -1);
  const entries = new Map(journal.map((line) => [JSON.parse(line).key, JSON.parse(line)]));
  files.delete('journal.jsonl');
  return { files, entries: [...entries.values()].sort((a, b) => (a.key < b.key ? -1 : 1)) };
}

describe('SIGKILL', () => {
  let bucket: Bucket;
  let undisturbed: ReturnType<typeof stateOf>;
  let requests: number;

  beforeAll(async () => {
    bucket = await openBucket();
    bucket.pageSize = 8;
    for (const symbol of symbols) {
      const missing = june.filter((day) => day !== '2025-06-10' && day !== '2025-06-20');
      bucket.putArchive(
        keyOf('2025-06', symbol),
        missing.map((day) => rowOf(day)),
      );
      for (const day of [...june, '2025-07-01', '2025-07-02', '2025-07-03']) {
        bucket.putArchive(keyOf(day, symbol), [rowOf(day)]);
      }
    }
    bucket.put(keyOf('2025-07-02'), 'garbage');
    const stagingDir = await tempDir('undisturbed-');
    bucket.requests();
    await runExtracts({ url: bucket.url, stagingDir });
    requests = bucket.requests().length;
    undisturbed = stateOf(stagingDir);
    return () => bucket[Symbol.asyncDispose]();
  });

  test('at any request loses at most what is in flight, and the next run ends with the same bytes', async () => {
    const instants = [0.03, 0.15, 0.3, 0.45, 0.6, 0.7, 0.8, 0.9, 0.97];
    for (const instant of instants) {
      const stagingDir = await tempDir('killed-');
      const child = node(script, { args: [bucket.url, stagingDir] });
      let seen = 0;
      bucket.intercept = () => {
        if (++seen === Math.ceil(instant * requests)) child.kill('SIGKILL');
        return false;
      };
      const [, signal] = await once(child, 'exit');
      expect(signal, `at ${instant}`).toBe('SIGKILL');

      bucket.intercept = undefined;
      bucket.requests();
      const { klines } = await runExtracts({ url: bucket.url, stagingDir });
      expect(stateOf(stagingDir), `at ${instant}`).toEqual(undisturbed);
      const archives = bucket.requests().filter((path) => path.startsWith('data/')).length;
      const inFlight = 4;
      expect(archives).toBeLessThanOrEqual((1 - instant) * requests + inFlight + 1);
      expect(klines.summary).toMatchObject({ rejected: 1 });
    }
  }, 60_000);
});

describe('a full disk', () => {
  /** Runs the script where no file may grow beyond this many KB. */
  function limited(kilobytes: number, args: readonly string[]): ChildProcess {
    const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...env } = process.env;
    const command = `ulimit -f ${kilobytes * 2}; exec "$@"`;
    const argv = [process.execPath, '--input-type=module', '--eval', script, ...args];
    return spawn('sh', ['-c', command, 'sh', ...argv], { cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] });
  }

  test.each([
    ['a CSV', 40, 2_000],
    ['the journal', 8, 1],
  ])('while writing %s is an error that says so, and the next run continues', async (_what, kilobytes, rows) => {
    await using bucket = await openBucket();
    const lines = Array.from({ length: rows }, (_, i) => rowOf(new Date(Date.parse('2025-07-01') + i).toISOString()));
    bucket.put(keyOf('2025-07-01'), zipOf('BTCUSDT-1d-2025-07-01.csv', `${[header, ...lines].join('\n')}\n`));
    for (const day of june) bucket.putArchive(keyOf(day), [rowOf(day)]);
    const stagingDir = await tempDir('full-');
    const output = JSON.parse(await outputOf(limited(kilobytes, [bucket.url, stagingDir])));
    expect(output).toMatchObject({ code: 'DISK_FULL', file: expect.stringContaining(stagingDir), hint: /run again/ });

    const before = filesBelow(stagingDir);
    expect([...before.keys()].filter((path) => path.endsWith('.part'))).toEqual([]);
    const { klines } = await runExtracts({ url: bucket.url, stagingDir });
    expect(klines.summary.unchanged).toBeGreaterThan(0);
    expect(Number(klines.summary.unchanged) + Number(klines.summary.new)).toBe(31);
  });
});
