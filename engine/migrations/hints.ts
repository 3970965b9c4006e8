import { closest } from '../closest.ts';
import type { Hints } from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import type { Schema } from '../schema/table.ts';

const usage = (message: string, hint: string | undefined) =>
  new PipelineError('USAGE', message, hint === undefined ? {} : { hint });

/**
 * `table.old=table.new` (or `old=new` for a table) and `table.column=SQL`, held against both schemas.
 * @throws PipelineError USAGE for a name that is not where it must be, with the nearest one
 */
export function parseHints(
  options: { readonly renames: readonly string[]; readonly fills: readonly string[] },
  from: Schema,
  to: Schema,
): Hints {
  const renames = new Map<string, string>();
  const fills = new Map<string, string>();
  const before = namesOf(from);
  const after = namesOf(to);
  for (const hint of options.renames) {
    const [oldName, newName] = parts(hint, '--rename table.old=table.new');
    expectName(oldName, before, 'the schema that the migrations build');
    expectName(newName, after, 'the definition');
    if (before.has(newName))
      throw usage(`--rename ${hint}: ${newName} is there already`, 'drop it in a migration of its own first');
    const [oldTable, oldColumn] = oldName.split('.') as [string, string?];
    const [newTable, newColumn] = newName.split('.') as [string, string?];
    if ((oldColumn === undefined) !== (newColumn === undefined))
      throw usage(`--rename ${hint} names a table and a column`, undefined);
    if (newColumn !== undefined && oldTable !== newTable && renames.get(newTable) !== oldTable)
      throw usage(
        `--rename ${hint} moves a column to another table`,
        `rename the table first: --rename ${oldTable}=${newTable}`,
      );
    renames.set(newName, oldColumn ?? oldTable);
  }
  for (const hint of options.fills) {
    const [column, sql] = parts(hint, '--fill "table.column=SQL"');
    if (!column.includes('.')) throw usage(`--fill ${hint} names no column`, 'write --fill "table.column=SQL"');
    expectName(column, after, 'the definition');
    fills.set(column, sql);
  }
  return { renames, fills };
}

function parts(hint: string, form: string): readonly [string, string] {
  const at = hint.indexOf('=');
  if (at <= 0 || at === hint.length - 1) throw usage(`\`${hint}\` is no hint`, `write ${form}`);
  return [hint.slice(0, at), hint.slice(at + 1)];
}

const namesOf = (schema: Schema): ReadonlySet<string> =>
  new Set(
    Object.values(schema).flatMap(({ name, columns }) => [
      name,
      ...Object.keys(columns).map((column) => `${name}.${column}`),
    ]),
  );

function expectName(name: string, known: ReadonlySet<string>, where: string): void {
  if (!known.has(name)) throw usage(`${name} is not in ${where}`, closest(name, known));
}
