/** `pnpm check [name…]`: runs every check that needs no test runner, or the named ones. */
import { join } from 'node:path';
import { checks, runChecks } from './checks.ts';

const names = process.argv.slice(2);
const unknown = names.filter((name) => !Object.hasOwn(checks, name));
if (unknown.length > 0) {
  console.error(`no such check: ${unknown.join(', ')}; there are ${Object.keys(checks).join(', ')}`);
  process.exitCode = 2;
} else {
  const selected = Object.entries(checks).filter(([name]) => names.length === 0 || names.includes(name));
  const root = join(import.meta.dirname, '../..');
  const results = await runChecks(root, selected, (line) => console.log(line));
  process.exitCode = results.some(({ problems }) => problems.length > 0) ? 1 : 0;
}
