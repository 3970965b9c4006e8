import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { splitUrl, type UrlAccess } from '../../../engine/secrets.ts';
import { parseKey } from '../../../exchange/keys.ts';
import type { StageOutcome, WantedArchive } from '../../../extract/staging/stage-archive.ts';
import type { Stager } from '../../../extract/staging/stager.ts';
import { openStager } from '../../../extract/staging/stager.ts';
import { daysFrom } from '../../support/archive.ts';
import { node, outputOf } from '../../support/node-process.ts';
import { root } from '../../support/pipeline.ts';
import { tempDir } from '../../support/temp.ts';
import { type Bucket, openBucket } from './bucket.ts';
import { asOf, filesBelow, keyOf, ledgerOf, rowOf, runExtracts, stagedCsvs } from './support.ts';

let bucket: Bucket;
beforeEach(async () => {
  bucket = await openBucket();
});
afterEach(() => bucket[Symbol.asyncDispose]());

const days = daysFrom('2025-03-01', 60);
const rejectedDay = days[7] as string;
const absentDay = days[8] as string;
const failedDay = days[9] as string;

function stagerOf(
  stagingDir: string,
  workers: number,
  signal = new AbortController().signal,
  access?: UrlAccess,
): Stager {
  return openStager({
    stage: {
      ...{ archiveUrl: bucket.url, stagingDir, asOf, verify: 'etag', knownDefects: [], staleChecksum: 'fail' },
      largestInMemory: 1024 * 1024,
    },
    client: { connections: 8, retry: { attempts: 3, base: 1, patience: 0 }, access },
    ...{ workers, bytesInFlight: 1024 * 1024, signal },
  });
}

/** Puts an archive of a day and returns its entry in a plan. */
function wantedOf(day: string): WantedArchive {
  const key = keyOf(day);
  const zip = bucket.putArchive(key, [rowOf(day)]);
  const etag = createHash('md5').update(zip).digest('hex');
  const parsed = parseKey(key);
  if (parsed === undefined) throw new Error(key);
  const time = asOf.toISOString();
  return {
    key: parsed,
    object: { key, period: day, size_bytes: zip.length, etag, last_modified: time, listed_at: time },
    known: undefined,
  };
}

/** An archive per day, of which one is garbage, one does not exist and one is refused. */
function misbehaving(): readonly WantedArchive[] {
  const wanted = days.map((day) => {
    const one = wantedOf(day);
    if (day !== rejectedDay) return one;
    bucket.put(keyOf(day), 'garbage');
    return {
      ...one,
      object: { ...one.object, size_bytes: 7, etag: createHash('md5').update('garbage').digest('hex') },
    };
  });
  let resets = 2;
  bucket.intercept = (_request, response, path) => {
    if (path === keyOf(absentDay)) response.writeHead(404).end();
    else if (path === keyOf(failedDay)) response.writeHead(403).end();
    else if (path === keyOf(days[3] as string) && resets-- > 0) response.destroy();
    else return false;
    return true;
  };
  return wanted;
}

test('threads stage the same as this thread, with the same results', async () => {
  const [here, there] = [await tempDir('here-'), await tempDir('there-')];
  const answers: StageOutcome[][] = [];
  for (const [stagingDir, workers] of [
    [here, 0],
    [there, 2],
  ] as const) {
    const wanted = misbehaving();
    await using stager = stagerOf(stagingDir, workers);
    answers.push(await Promise.all(wanted.map((one) => stager.stage(one))));
    // The refusal came three times, and the connection was reset twice.
    expect({ ...stager.stats, requests: stager.stats.requests }).toMatchObject({ requests: 64, retries: 4 });
  }
  expect(answers[1]).toEqual(answers[0]);
  expect(filesBelow(there)).toEqual(filesBelow(here));
  expect(stagedCsvs(there).size).toBe(57);
  expect(answers[1]?.[9]).toMatchObject({
    status: 'failed',
    failure: { code: 'ARCHIVE_REFUSED', details: { status: 403 } },
  });
  expect(filesBelow(there).get(`rejected/futures-um/1d/BTCUSDT/BTCUSDT-1d-${rejectedDay}.zip`)).toBe('garbage');
});

test('B34: threads send the user and the query of the URL', async () => {
  const wanted = days.slice(0, 4).map(wantedOf);
  const asked: unknown[] = [];
  bucket.intercept = (request, response) => {
    asked.push([request.headers.authorization, request.url?.split('?')[1]]);
    response.writeHead(404).end();
    return true;
  };
  const access = splitUrl('http://u:p@h/?sig=a%2Fb')?.access;
  await using stager = stagerOf(await tempDir('secret-'), 2, new AbortController().signal, access);
  await Promise.all(wanted.map((one) => stager.stage(one)));
  expect(asked).toEqual(wanted.map(() => ['Basic dTpw', 'sig=a%2Fb']));
});

test('an abort ends the work of threads within a second', async () => {
  const wanted = days.map(wantedOf);
  const controller = new AbortController();
  bucket.intercept = (_request, _response, path) => path.startsWith('data/');
  const started = performance.now();
  {
    await using stager = stagerOf(await tempDir('aborted-'), 2, controller.signal);
    const staged = wanted.map((one) => stager.stage(one));
    setTimeout(() => controller.abort(), 300);
    for (const result of await Promise.allSettled(staged)) {
      expect(result).toMatchObject({ status: 'rejected', reason: { name: 'AbortError' } });
    }
    await expect(stager.stage(wanted[0] as WantedArchive)).rejects.toMatchObject({ name: 'AbortError' });
  }
  expect(performance.now() - started).toBeLessThan(1_300);
});

const script = `
  import { runExtracts } from './tests/integration/extract/support.ts';
  const [url, stagingDir] = process.argv.slice(1);
  try {
    await runExtracts({ url, stagingDir, options: { connections: 8 }, klinesOptions: { workers: 2 } });
  } catch (error) {
    console.log(JSON.stringify({ code: error.code, ...error.details, cause: undefined }));
  }
`;
/** Enough archives to make threads worthwhile. */
const many = daysFrom('2019-01-01', 2_200).filter((day) => day < '2025-01-01');

test('a kill while threads stage loses at most what is in flight', async () => {
  for (const day of many) bucket.putArchive(keyOf(day), [rowOf(day)]);
  const stagingDir = await tempDir('killed-');
  const child = node(script, { args: [bucket.url, stagingDir] });
  let seen = 0;
  bucket.intercept = () => {
    if (++seen === 1_200) child.kill('SIGKILL');
    return false;
  };
  expect((await once(child, 'exit'))[1]).toBe('SIGKILL');
  const before = ledgerOf(stagingDir).size;
  expect(before).toBeGreaterThan(1_000);

  bucket.intercept = undefined;
  bucket.requests();
  const { klines } = await runExtracts({ url: bucket.url, stagingDir });
  expect(klines.summary).toMatchObject({ new: many.length - before, unchanged: before });
  expect(stagedCsvs(stagingDir).size).toBe(many.length);
  expect(ledgerOf(stagingDir).size).toBe(many.length);
}, 60_000);

test('a full disk on a thread gives the same error as on this one', async () => {
  const [day] = days as [string];
  const wanted = wantedOf(day);
  const rows = Array.from({ length: 400 }, (_, i) => rowOf(day).replace(/^\d+/, (time) => String(Number(time) + i)));
  const zip = bucket.putArchive(keyOf(day), rows);
  const etag = createHash('md5').update(zip).digest('hex');
  const stagingDir = await tempDir('full-');
  const stage = {
    archiveUrl: bucket.url,
    stagingDir,
    verify: 'etag',
    knownDefects: [],
    staleChecksum: 'fail',
    largestInMemory: 1024,
  };
  const full = `
    import { openStager } from './extract/staging/stager.ts';
    const [wanted, stage] = process.argv.slice(1).map((text) => JSON.parse(text));
    const { signal } = new AbortController();
    await using stager = openStager({
      ...{ stage: { ...stage, asOf: new Date() }, client: { connections: 2 }, workers: 1, bytesInFlight: 1e6, signal },
    });
    const { name, code, details } = await stager.stage(wanted).catch((error) => error);
    console.log(JSON.stringify({ name, code, ...details }));
  `;
  const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...env } = process.env;
  for (const largestInMemory of [1024, 1024 * 1024]) {
    const args = [
      { ...wanted, object: { ...wanted.object, size_bytes: zip.length, etag } },
      { ...stage, largestInMemory },
    ];
    const argv = ['--input-type=module', '--eval', full, ...args.map((value) => JSON.stringify(value))];
    const limited = spawn('sh', ['-c', 'ulimit -f 2; exec "$@"', 'sh', process.execPath, ...argv], {
      ...{ cwd: root, env, stdio: ['ignore', 'pipe', 'inherit'] },
    });
    const output = JSON.parse(await outputOf(limited));
    expect(output).toMatchObject({
      name: 'PipelineError',
      code: 'DISK_FULL',
      hint: expect.stringContaining('run again'),
    });
    expect(output.file).toContain(stagingDir);
    expect(filesBelow(stagingDir).size).toBe(0);
  }
});

test('a thread loads only the file writing of the engine, and nothing that few archives need', async () => {
  const graph = `
    import { registerHooks } from 'node:module';
    const urls = [];
    registerHooks({ resolve(name, context, next) { const found = next(name, context); urls.push(found.url); return found; } });
    await import('./extract/staging/stage-thread.ts').catch(() => {});
    console.log(JSON.stringify(urls));
  `;
  const urls: string[] = JSON.parse(await outputOf(node(graph, { args: [] })));
  expect(urls.some((url) => url.endsWith('/staging/stage-archive.ts'))).toBe(true);
  const heavy = urls.filter((url) => /\/engine\/|\/(zod|yaml|commander|kysely|unzipper|listr2)\/|duckdb/.test(url));
  expect(new Set(heavy)).toEqual(new Set([new URL('../../../engine/aside.ts', import.meta.url).href]));
});
