/**
 * `pnpm guards [id…]`: in a copy of the tree, removes the guard of each case, or of the named ones, and runs the test
 * that has to fail then. This proves that no test of docs/cases.md passes for another reason.
 */
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { $ } from 'zx';
import { type Guard, guards } from './guards.ts';
import { type GuardReport, judge, type Verdict } from './judge.ts';

const root = join(import.meta.dirname, '../..');
/** Each lane works in its own copy, so that no test sees another's missing guard. */
const lanes = 2;

/** Copies every tracked file as it is in the working tree, and links installed packages and the shared test input. */
async function copyTree(directory: string): Promise<string> {
  const copy = join(directory, 'repository');
  const { stdout } = await $({ cwd: root, quiet: true })`git ls-files -z`;
  for (const path of stdout.split('\0').filter((path) => path !== '' && existsSync(join(root, path)))) {
    await mkdir(dirname(join(copy, path)), { recursive: true });
    await copyFile(join(root, path), join(copy, path));
  }
  await symlink(join(root, 'node_modules'), join(copy, 'node_modules'));
  const shared = join(root, '../shared');
  if (existsSync(shared)) await symlink(shared, join(directory, 'shared'));
  return copy;
}

/** Runs the tests of a case in a copy with its guard removed, and puts the guard back. */
async function prove({ id, file, from, to, test }: Guard, copy: string): Promise<Verdict> {
  const changed = join(copy, file);
  const text = await readFile(changed, 'utf8');
  if (text.split(from).length !== 2)
    return { holds: false, text: `${JSON.stringify(from)} is not in the file exactly once` };
  const reportFile = join(copy, '..', `${id}.json`);
  await writeFile(changed, text.split(from).join(to));
  try {
    const { exitCode } = await $({
      cwd: copy,
      nothrow: true,
      quiet: true,
      preferLocal: true,
      timeout: '10m',
    })`vitest ${['run', test, '--testNamePattern', `\\b${id}\\b`, '--reporter=json', `--outputFile=${reportFile}`]}`;
    const report = existsSync(reportFile) ? (JSON.parse(await readFile(reportFile, 'utf8')) as GuardReport) : undefined;
    const verdict = judge(report);
    return verdict.holds && exitCode === 0 ? { holds: false, text: 'vitest exits with 0 all the same' } : verdict;
  } finally {
    await writeFile(changed, text);
  }
}

const ids = process.argv.slice(2);
const unknown = ids.filter((id) => !guards.some((guard) => guard.id === id));
if (unknown.length > 0) {
  console.error(`no guard is listed for ${unknown.join(', ')}`);
  process.exitCode = 2;
} else {
  const waiting = guards.filter(({ id }) => ids.length === 0 || ids.includes(id));
  const total = waiting.length;
  const directory = await mkdtemp(join(tmpdir(), 'klinehouse-guards-'));
  let held = 0;
  async function work(lane: number): Promise<void> {
    const copy = await copyTree(join(directory, `${lane}`));
    for (let guard = waiting.shift(); guard !== undefined; guard = waiting.shift()) {
      const { holds, text } = await prove(guard, copy);
      if (holds) held++;
      console.log(`${guard.id.padEnd(3)}  ${text}  ${guard.file}`);
    }
  }
  try {
    await Promise.all(Array.from({ length: Math.min(lanes, total) }, (_, lane) => work(lane)));
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
  console.log(`${held} guards hold, ${total - held} do not`);
  process.exitCode = held === total ? 0 : 1;
}
