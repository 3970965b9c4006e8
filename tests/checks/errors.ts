import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exitCodeOf } from '../../engine/errors.ts';
import { readFiles } from './files.ts';
import { tableRows } from './markdown.ts';

const page = 'docs/errors.md';

/** Error codes and their exit codes, with the file that declares them. */
type Declared = readonly { readonly file: string; readonly codes: Readonly<Record<string, number>> }[];

/** Collects what the engine declares and what each module of the project exports through `defineErrors`. */
async function declaredErrors(root: string): Promise<Declared> {
  const files = await readFiles(root, ['{extract,models,queries}/**/*.ts']);
  const declaring = files.filter(({ text }) => text.includes('defineErrors('));
  const own = declaring.map(async ({ path: file }) => {
    const exported: unknown[] = Object.values(await import(join(root, file)));
    const classes = exported.filter((one) => typeof one === 'function' && 'exitCodes' in one);
    return { file, codes: Object.assign({}, ...classes.map(({ exitCodes }) => exitCodes)) };
  });
  return [{ file: 'engine/errors.ts', codes: exitCodeOf }, ...(await Promise.all(own))];
}

/** The first table of docs/errors.md has one row for each error code, with its exit code in the last column. */
export async function checkErrors(root: string, declared?: Declared): Promise<readonly string[]> {
  const problems: string[] = [];
  const codes = new Map<string, number>();
  for (const { file, codes: own } of declared ?? (await declaredErrors(root))) {
    if (Object.keys(own).length === 0) problems.push(`${file}: exports no class of defineErrors`);
    for (const [code, exitCode] of Object.entries(own)) {
      if (codes.has(code)) problems.push(`${file}: ${code} is declared twice`);
      codes.set(code, exitCode);
    }
  }
  const missing = new Set(codes.keys());
  const [codesPart = ''] = (await readFile(join(root, page), 'utf8')).split('\n## ');
  for (const { line, cells } of tableRows(codesPart)) {
    const code = (cells[0] ?? '').replaceAll('`', '');
    const exitCode = Number(cells.at(-1));
    const report = (problem: string) => problems.push(`${page}:${line}: ${problem}`);
    if (!codes.has(code)) report(`${code} is not a declared code`);
    else if (!missing.delete(code)) report(`${code} has a row already`);
    else if (exitCode !== codes.get(code)) report(`${code} exits with ${codes.get(code)}, not ${cells.at(-1)}`);
    if (cells.some((cell) => cell === '')) report(`${code} has an empty cell`);
  }
  for (const code of missing) problems.push(`${page}: ${code} has no row`);
  return problems;
}
