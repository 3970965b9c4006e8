import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Guard, guards } from '../guards/guards.ts';
import { tableRows } from './markdown.ts';

const page = 'docs/cases.md';
const list = 'tests/guards/guards.ts';

/**
 * Every case of docs/cases.md has one guard, whose text is in the listed file exactly once, and a test that its row
 * names.
 */
export async function checkGuards(root: string, all: readonly Guard[] = guards): Promise<readonly string[]> {
  const problems: string[] = [];
  const rows = tableRows(await readFile(join(root, page), 'utf8'));
  const testsOf = new Map(rows.map(({ cells: [id = '', , , tests = ''] }) => [id, tests]));
  const guarded = new Set<string>();
  for (const { id, file, from, test } of all) {
    const report = (problem: string) => problems.push(`${list}: ${id}: ${problem}`);
    if (guarded.has(id)) report('it has a guard already');
    guarded.add(id);
    const text = await readFile(join(root, file), 'utf8').catch(() => undefined);
    const times = text === undefined ? undefined : text.split(from).length - 1;
    if (times === undefined) report(`${file} does not exist`);
    else if (times !== 1) report(`${JSON.stringify(from)} appears ${times} times in ${file}, not once`);
    const tests = testsOf.get(id);
    if (tests === undefined) report(`${page} has no row for it`);
    else if (!tests.includes(`\`${test}\``)) report(`its row in ${page} does not name ${test}`);
  }
  for (const id of testsOf.keys()) if (!guarded.has(id)) problems.push(`${list}: ${id} has no guard`);
  return problems;
}
