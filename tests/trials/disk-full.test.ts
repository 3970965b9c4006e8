import { execFile, execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { filesBelow, stagedCsvs } from '../integration/extract/support.ts';
import { smallArchive, writeSmallArchive } from '../support/archive.ts';
import { root } from '../support/pipeline.ts';
import { expectSameRows, publishedRows } from '../support/published.ts';
import { tempDir } from '../support/temp.ts';

const run = promisify(execFile);
const words = ['run', '--target', 'mirror', '--as-of', smallArchive.asOf, '--var', 'availability_timeframe=1d'];

/** Runs a script of bash in its own folder; mounts and limits end with it. */
const bash = (script: string, variables: Readonly<Record<string, string>>, namespace = false) =>
  run(namespace ? 'unshare' : 'bash', namespace ? ['-rm', 'bash', '-euc', script] : ['-euc', script], {
    env: {
      ...{ PATH: process.env.PATH, PIPELINE_ARCHIVE_URL: archive, TZ: 'UTC' },
      NODE: join(root, 'node_modules/node/bin/node'),
      MAIN: join(root, 'engine/cli/main.ts'),
      ...variables,
    },
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  });

const pipeline = (dataDir: string, ...more: readonly string[]) =>
  `"$NODE" "$MAIN" ${[...words, ...more].map((word) => `'${word}'`).join(' ')} --data-dir "${dataDir}"`;

/** A private mount needs a mount namespace, which not every machine allows. */
function canMount(): boolean {
  try {
    execFileSync('unshare', ['-rm', 'bash', '-c', 'mount -t tmpfs -o size=1m none /mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

let archive: string;
let undisturbed: string;
beforeAll(async () => {
  archive = (await writeSmallArchive(await tempDir('small-'), { days: smallArchive.days.slice(25) })).directory;
  undisturbed = await tempDir('undisturbed-');
  await bash(pipeline(undisturbed), {});
}, 60_000);

const ledgerLines = async (dataDir: string) =>
  (await readFile(join(dataDir, 'mirror/staging/journal.jsonl'), 'utf8')).split('\n').sort();

/** Expects staged files, ledger, tables and exports to equal those of an undisturbed run. */
async function expectUndisturbed(dataDir: string): Promise<void> {
  const part = (of: string, name: string) => join(of, 'mirror', name);
  expect(stagedCsvs(part(dataDir, 'staging'))).toEqual(stagedCsvs(part(undisturbed, 'staging')));
  expect(await ledgerLines(dataDir)).toEqual(await ledgerLines(undisturbed));
  await expectSameRows(dataDir, await publishedRows(undisturbed));
  expect(filesBelow(part(dataDir, 'exports'))).toEqual(filesBelow(part(undisturbed, 'exports')));
  const leftovers = [...filesBelow(part(dataDir, 'staging')).keys()].filter((path) => /\.part$|^\.load/.test(path));
  expect(leftovers).toEqual([]);
}

/** Expects every disk-full error to name a file of the target. */
function expectDiskFull(output: string, node: string): void {
  expect(output, output).toMatch(new RegExp(`ERROR ${node}: \\[DISK_FULL\\] /.*mirror`));
  expect(output, output).not.toContain('[INTERNAL]');
}

describe.skipIf(!canMount())('a full disk (needs a mount namespace)', () => {
  test.each([
    ['the listing is written', [], 30_000, 'extract listing'],
    ['files are staged', ['--select', 'listing'], 100_000, 'extract klines'],
    ['the staged files are batched', ['--select', '+klines seeds'], 4_096, 'model ohlcv'],
    ['the warehouse is loaded', ['--select', '+klines seeds'], 50_000, 'model ohlcv'],
    ['an export is written', ['--select', '+volume_rankings', '--exclude', 'kind:export'], 20_000, '(model|export) .*'],
  ] as const)('while %s', async (_when, before, room, node) => {
    const [disk, copy] = [await tempDir('disk-'), await tempDir('copy-')];
    const script = `
      mount -t tmpfs -o size=100m none "$DISK"
      ${before.length === 0 ? '' : `${pipeline('$DISK', ...before)} >&2`}
      head -c $(( $(df --output=avail -B1 "$DISK" | tail -1) - ${room} )) /dev/zero > "$DISK/filler"
      ${pipeline('$DISK')} && exit 99
      test $? = 1
      rm "$DISK/filler"
      ${pipeline('$DISK')} >&2
      cp -r "$DISK/mirror" "$COPY/"`;
    const { stdout } = await bash(script, { DISK: disk, COPY: copy }, true);
    expectDiskFull(stdout, node);
    await expectUndisturbed(copy);
  });
});

describe('a limit on the size of files (ulimit -f)', () => {
  test.each([
    ['that stops the creation of the warehouse', 8, 'extract listing'],
    ['that stops the listing while it enters the warehouse', 48, 'extract listing'],
    ['that stops the load', 100, '.*'],
  ] as const)('%s', async (_what, kilobytes, node) => {
    const dataDir = await tempDir('limited-');
    const script = `
      (ulimit -f ${kilobytes}; ${pipeline('$DATA')}) && exit 99
      test $? = 1
      ${pipeline('$DATA')} >&2`;
    const { stdout } = await bash(script, { DATA: dataDir });
    expectDiskFull(stdout, node);
    expect(stdout).toContain('raise the limit (ulimit -f)');
    await expectUndisturbed(dataDir);
  });
});
