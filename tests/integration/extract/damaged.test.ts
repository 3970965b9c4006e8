import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import klines from '../../../extract/klines.ts';
import { Ledger } from '../../../extract/staging/ledger.ts';
import { daysFrom } from '../../support/archive.ts';
import { tempDir } from '../../support/temp.ts';
import { type Bucket, openBucket } from './bucket.ts';
import { asOf, keyOf, ledgerOf, type RunOptions, rowOf, runExtracts, stagedCsvs } from './support.ts';

/** A symbol with small files, which are copied before they are read, and one whose file is read in place. */
const july = daysFrom('2025-07-01', 9);
const large = keyOf('2025-06', 'ETHUSDT', '1m');
const partitions = ['futures-um/BTCUSDT/1d/2025-07-01', 'futures-um/ETHUSDT/1m/2025-06-01'];
const minutes = Array.from({ length: 3000 }, (_, i) => {
  const open = Date.parse('2025-06-01') + i * 60_000;
  return `${open},1.5,2,1,1.7,10,${open + 59_999},17,3,4,7,0`;
});

let bucket: Bucket;
let stagingDir: string;
let directory: string;
let staged: ReadonlyMap<string, string>;
beforeEach(async () => {
  [bucket, stagingDir, directory] = [await openBucket(), await tempDir('staging-'), await tempDir('load-')];
  for (const day of july) bucket.putArchive(keyOf(day), [rowOf(day)]);
  bucket.putArchive(large, minutes);
  await run();
  staged = stagedCsvs(stagingDir);
});
afterEach(() => bucket[Symbol.asyncDispose]());

const signal = new AbortController().signal;
const run = (more: Partial<RunOptions> = {}) =>
  runExtracts({ url: bucket.url, stagingDir, options: { timeframes: ['1d', '1m'], attempts: 1 }, ...more });
const small = 'futures-um/1d/BTCUSDT/BTCUSDT-1d-2025-07-05.csv';
const inPlace = 'futures-um/1m/ETHUSDT/ETHUSDT-1m-2025-06.csv';
const fileOf = (path: string) => join(stagingDir, path);

async function openSource(copy = false) {
  const { source } = await klines.staged({ stagingDir, asOf });
  if (source?.damaged === undefined || source.discard === undefined)
    throw new Error('the extract has no source that checks its files');
  const tables = ['staged_klines', 'overlapping_klines'];
  const refuse = ({ key }: { readonly key: string }) => expect.unreachable(`${key} is refused`);
  await source.open(partitions, { tables, copy, directory, signal, refuse });
  const [damaged, discard] = [await source.damaged(), source.discard];
  return { damaged, discard: () => discard(damaged) };
}

/** Damage that can happen to a file between two runs. */
const changes: readonly (readonly [string, (file: string) => void])[] = [
  [
    'with one digit changed',
    (file) => {
      const csv = readFileSync(file, 'latin1');
      writeFileSync(file, csv.replace(',1.7,', ',1.8,'), 'latin1');
    },
  ],
  ['that is zeroed', (file) => writeFileSync(file, Buffer.alloc(readFileSync(file).length))],
  [
    'with another letter in its header',
    (file) => writeFileSync(file, readFileSync(file, 'latin1').replace('open_time', 'open_tine'), 'latin1'),
  ],
  ['that is torn', (file) => truncateSync(file, readFileSync(file).length - 9)],
  ['that is gone', (file) => rmSync(file)],
];

test.each([small, inPlace].flatMap((path) => changes.map(([what, change]) => ({ path, what, change }))))(
  'B26: $path $what is named when it is loaded, set aside, and fetched again',
  async ({ path, change }) => {
    change(fileOf(path));
    const changed = existsSync(fileOf(path)) ? readFileSync(fileOf(path), 'latin1') : undefined;
    const key = path === small ? keyOf('2025-07-05') : large;
    for (const copy of [false, true]) {
      const { damaged } = await openSource(copy);
      expect(damaged).toEqual([
        {
          key,
          partition: partitions[path === small ? 0 : 1],
          reason: expect.any(String),
          isGone: changed === undefined,
        },
      ]);
    }
    await (await openSource()).discard();
    expect(existsSync(fileOf(path))).toBe(false);
    if (changed !== undefined) expect(readFileSync(join(stagingDir, 'damaged', path), 'latin1')).toBe(changed);

    expect((await run()).klines.summary).toMatchObject({ new: 1, unchanged: 9, failed: 0 });
    expect(stagedCsvs(stagingDir)).toEqual(staged);
    expect((await openSource()).damaged).toEqual([]);
  },
);

test('B26: two swapped files are both named', async () => {
  const [one, other] = [small, small.replace('07-05', '07-06')].map(fileOf) as [string, string];
  const [first, second] = [readFileSync(one), readFileSync(other)];
  writeFileSync(one, second);
  writeFileSync(other, first);
  expect((await openSource()).damaged.map(({ key }) => key)).toEqual([keyOf('2025-07-05'), keyOf('2025-07-06')]);
});

test('B26: a file that cannot be fetched again stays known as staged, fails by name, and is requested again', async () => {
  const name = 'BTCUSDT-1d-2025-07-05';
  const before = ledgerOf(stagingDir).get(name);
  rmSync(fileOf(small));
  bucket.intercept = (_, response, path) => path.includes(name) && !!response.writeHead(500).end();
  await expect(run()).rejects.toMatchObject({ code: 'TOO_MANY_FAILED' });
  expect(ledgerOf(stagingDir).get(name)).toMatchObject({ ...before, unfetched: { status: 'failed' } });
  bucket.intercept = (_, response, path) => path.includes(name) && !!response.writeHead(404).end();
  await expect(run()).rejects.toMatchObject({ code: 'TOO_MANY_FAILED' });
  expect(ledgerOf(stagingDir).get(name)).toMatchObject({ ...before, unfetched: { status: 'absent' } });
  bucket.intercept = undefined;
  expect((await run()).klines.summary).toMatchObject({ new: 1, absent: 0 });
  expect(ledgerOf(stagingDir).get(name)).toEqual(before);
  expect(stagedCsvs(stagingDir)).toEqual(staged);
});

test('B26: after damaged lines in the journal nothing is loaded until the extract has fetched their archives', async () => {
  const journal = fileOf('journal.jsonl');
  writeFileSync(journal, readFileSync(journal, 'latin1').replace('"row_count":1,', '"row_count":2,'), 'latin1');
  const damaged = { code: 'STAGING_DAMAGED', exitCode: 2 };
  await expect(openSource()).rejects.toMatchObject(damaged);
  // A run that does not select everything that is staged cannot know which archive the line was about.
  const others = { window: { start: new Date('2025-07-01'), end: new Date('2025-07-02') } };
  for (const limited of [
    others,
    { klinesOptions: { timeframes: ['1d'] } },
    { klinesOptions: { symbols: ['ETHUSDT'] } },
  ])
    await expect(run(limited)).rejects.toMatchObject(damaged);
  const { klines, warnings } = await run();
  expect(klines.summary).toMatchObject({ new: 1, unchanged: 9 });
  expect(warnings).toContainEqual(expect.stringContaining('1 lines of the journal are damaged'));
  expect((await openSource()).damaged).toEqual([]);
});

test('files staged before digests were recorded are loaded if their size fits, and get their digest then', async () => {
  const entries = ledgerOf(stagingDir);
  {
    using ledger = Ledger.open(stagingDir);
    for (const { csv_crc32: _, ...entry } of entries.values()) ledger.record(entry);
  }
  truncateSync(fileOf(small), 9);
  expect((await openSource()).damaged).toMatchObject([{ key: keyOf('2025-07-05') }]);
  const { csv_crc32: _, ...unknown } = entries.get('BTCUSDT-1d-2025-07-05') ?? { key: '' };
  expect(ledgerOf(stagingDir)).toEqual(new Map([...entries, ['BTCUSDT-1d-2025-07-05', unknown]]));
});
