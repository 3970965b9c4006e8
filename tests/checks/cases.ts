import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { tableRows } from './markdown.ts';

const page = 'docs/cases.md';
const pathsOf = (cell: string): readonly string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, path = '']) => path);

/** Every row of docs/cases.md names files that exist, and each of its test files names the case. */
export async function checkCases(root: string): Promise<readonly string[]> {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const { line, cells } of tableRows(await readFile(join(root, page), 'utf8'))) {
    const [id = '', , fixture = '', test = ''] = cells;
    const report = (problem: string) => problems.push(`${page}:${line}: ${problem}`);
    if (!/^[AB]\d+$/.test(id)) {
      report(`${id || 'an empty cell'} is not a case id`);
      continue;
    }
    if (seen.has(id)) report(`${id} has a row already`);
    seen.add(id);
    const tests = pathsOf(test);
    if (tests.length === 0) report(`${id} names no test`);
    for (const path of [...pathsOf(fixture), ...tests]) {
      // The shared test input lies next to the repository and may be absent.
      const isAbsent = path.startsWith('../shared/')
        ? existsSync(join(root, '../shared')) && !existsSync(join(root, path))
        : !existsSync(join(root, path));
      if (isAbsent) report(`${id} names ${path}, which does not exist`);
      else if (tests.includes(path) && !new RegExp(`\\b${id}\\b`).test(await readFile(join(root, path), 'utf8')))
        report(`${path} does not name ${id}`);
    }
  }
  return problems;
}
