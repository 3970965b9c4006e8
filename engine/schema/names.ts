import { PipelineError } from '../errors.ts';
import { lowerCase } from '../sql.ts';
import type { Schema } from './table.ts';

/**
 * Refuses names that are equal to DuckDB, which ignores the case of ASCII letters, and table names that begin with `$`,
 * like those of the engine's temp tables (B30).
 * @throws PipelineError MODULE_INVALID
 */
export function checkNames(schema: Schema, file: string): void {
  const refuse = (message: string, key: string, hint: string) => {
    throw new PipelineError('MODULE_INVALID', message, { file, key, hint });
  };
  const [oneTable, sameTable] = findSame(Object.values(schema).map(({ name }) => name));
  if (sameTable !== undefined)
    refuse(`the tables ${oneTable} and ${sameTable} differ only in case`, sameTable, 'rename one of them');
  for (const { name, columns } of Object.values(schema)) {
    if (name.startsWith('$')) refuse(`the name of the table ${name} begins with $`, name, 'give it another name');
    const [one, same] = findSame(Object.keys(columns));
    if (same !== undefined)
      refuse(`the columns ${one} and ${same} of ${name} differ only in case`, `${name}.${same}`, 'rename one of them');
  }
}

/** Returns the first two names that are equal to DuckDB. */
function findSame(names: readonly string[]): readonly [string?, string?] {
  const seen = new Map<string, string>();
  for (const name of names) {
    const before = seen.get(lowerCase(name));
    if (before !== undefined) return [before, name];
    seen.set(lowerCase(name), name);
  }
  return [];
}
