import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { sumsFile, sumsText, writeWhole } from '../disk.ts';
import { alterStatements, type Hints } from '../duckdb/index.ts';
import { closest, PipelineError } from '../errors.ts';
import { diffSchemas } from '../schema/diff.ts';
import type { Schema } from '../schema/table.ts';
import { describeDrift, describeStep, isDestructive } from '../schema/words.ts';
import { checksumOf, fileOf, type Migration, migrationName, migrationsFolder, renameLines } from './folder.ts';
import { schemaAfter } from './states.ts';
import type { Step } from './steps.ts';

/**
 * Writes the SQL that takes the schema of the migrations to the definition, proves it in an in-memory database, and
 * adds its checksum to SHA256SUMS. Returns undefined if there is nothing to write.
 * @throws PipelineError USAGE for an invalid name or hint, or if a NOT NULL column has no fill
 */
export async function writeMigration(options: {
  readonly root: string;
  readonly schema: Schema;
  readonly migrations: readonly Migration[];
  readonly name: string;
  readonly renames: readonly string[];
  readonly fills: readonly string[];
  readonly signal: AbortSignal;
}): Promise<Step | undefined> {
  const { root, schema, migrations, signal } = options;
  if (!/^[a-z][a-z0-9_]*$/.test(options.name)) {
    throw new PipelineError('USAGE', `\`${options.name}\` is not a valid migration name`, {
      hint: 'write it in lower case with underscores: add_funding_rate',
    });
  }
  const released = await schemaAfter(migrations, signal);
  const hints = parseHints(options, released, schema);
  const changes = diffSchemas(released, schema, hints.renames);
  if (changes.length === 0) return undefined;
  const number = (migrations.at(-1)?.number ?? 0) + 1;
  const name = migrationName(number, options.name);
  const head = [
    `${name}; written by pnpm pipeline migrate new, never changed after its release`,
    ...changes.map((change) => `${describeStep(change)}${isDestructive(change) ? ' (destructive)' : ''}`),
  ];
  const statements = alterStatements(released, schema, hints).map((statement) =>
    /^(CREATE|DROP) TABLE/.test(statement) ? `\n${statement};` : `${statement};`,
  );
  const comments = [...head.map((line) => `-- ${line}`), ...renameLines(hints.renames)];
  const sql = `${comments.join('\n')}\n\n${statements.join('\n').trim()}\n`;
  const migration = { number, name, sql, checksum: checksumOf(sql), renames: hints.renames };
  await expectDefinition([...migrations, migration], schema, signal);
  const directory = path.join(root, migrationsFolder);
  await mkdir(directory, { recursive: true });
  await writeFile(path.join(directory, fileOf(name)), sql, { flag: 'wx' });
  const sums = [...migrations, migration].map(({ name, checksum }) => [fileOf(name), checksum] as const);
  writeWhole(path.join(directory, sumsFile), sumsText(sums));
  return { name, changes, sql, migration };
}

async function expectDefinition(migrations: readonly Migration[], schema: Schema, signal: AbortSignal): Promise<void> {
  const built = await schemaAfter(migrations, signal);
  const left = diffSchemas(built, schema);
  if (left.length > 0) {
    throw new PipelineError(
      'INTERNAL',
      `the migration would not build the definition: ${left.map(describeDrift).join('; ')}`,
    );
  }
}

const usage = (message: string, hint: string | undefined) =>
  new PipelineError('USAGE', message, hint === undefined ? {} : { hint });

/**
 * Parses `table.old=table.new` (or `old=new` for a table) and `table.column=SQL`, and checks them against both schemas.
 * @throws PipelineError USAGE for a name that the schema does not have, suggesting the nearest one
 */
function parseHints(
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
    expectName(oldName, before, 'the schema that results from the migrations');
    expectName(newName, after, 'the definition');
    if (before.has(newName))
      throw usage(`--rename ${hint}: ${newName} already exists`, 'drop it in a separate migration first');
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
  if (at <= 0 || at === hint.length - 1) throw usage(`\`${hint}\` is not valid`, `write ${form}`);
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
