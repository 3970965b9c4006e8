import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exitCodeOf } from '../../engine/errors.ts';
import { tableRows } from './tables.ts';

const page = 'docs/errors.md';

/** docs/errors.md has one row for each error code, with its exit code in the last column. */
export async function checkErrors(
  root: string,
  codes: Readonly<Record<string, number>> = exitCodeOf,
): Promise<readonly string[]> {
  const problems: string[] = [];
  const missing = new Set(Object.keys(codes));
  for (const { line, cells } of tableRows(await readFile(join(root, page), 'utf8'))) {
    const code = (cells[0] ?? '').replaceAll('`', '');
    const exitCode = Number(cells.at(-1));
    const report = (problem: string) => problems.push(`${page}:${line}: ${problem}`);
    if (!Object.hasOwn(codes, code)) report(`${code} is no code of engine/errors.ts`);
    else if (!missing.delete(code)) report(`${code} has a row already`);
    else if (exitCode !== codes[code]) report(`${code} exits with ${codes[code]}, not ${cells.at(-1)}`);
    if (cells.some((cell) => cell === '')) report(`${code} has an empty cell`);
  }
  for (const code of missing) problems.push(`${page}: ${code} has no row`);
  return problems;
}
