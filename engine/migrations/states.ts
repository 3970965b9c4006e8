import { isDeepStrictEqual } from 'node:util';
import { tableStatements } from '../duckdb/dialect.ts';
import { openWarehouse, readSchema, type Warehouse } from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import { schemaMigrations } from '../schema/system.ts';
import { type RowOf, type Schema, storedTables, type Table } from '../schema/table.ts';
import { expectSchema } from '../schema/words.ts';
import { quoteName, quoteText, timestampLiteral } from '../sql.ts';
import { type Migration, migrationsFolder, readMigrations } from './folder.ts';

export type AppliedMigration = RowOf<typeof schemaMigrations>;

/**
 * The migration state of a database. `unrecorded`: it has tables but no record of migrations, so it was made before the
 * first of them.
 */
export type Standing =
  | { readonly kind: 'empty' }
  | { readonly kind: 'unrecorded'; readonly live: Schema }
  | {
      readonly kind: 'recorded';
      readonly live: Schema;
      readonly applied: readonly AppliedMigration[];
      readonly pending: readonly Migration[];
    };

const table = quoteName(schemaMigrations.name);

/** Returns the migrations that a database has been through, in order; none if it has no record of them. */
export async function appliedMigrations(warehouse: Warehouse, live?: Schema): Promise<readonly AppliedMigration[]> {
  const tables = live ?? (await readSchema(warehouse));
  return tables[schemaMigrations.name] === undefined ? [] : warehouse.rows(`FROM ${table} ORDER BY "number"`);
}

/**
 * @throws PipelineError SCHEMA_NEWER if migrations were applied to the database that are missing here,
 * MIGRATION_CHANGED if one of them has changed since
 */
export async function readStanding(warehouse: Warehouse, migrations: readonly Migration[]): Promise<Standing> {
  const live = await readSchema(warehouse);
  if (Object.keys(live).length === 0) return { kind: 'empty' };
  const applied = await appliedMigrations(warehouse, live);
  const hasRecord = live[schemaMigrations.name] !== undefined && (applied.length > 0 || migrations.length === 0);
  if (!hasRecord) return { kind: 'unrecorded', live };
  for (const { number, name, checksum } of applied) {
    const here = migrations.find((migration) => migration.number === number);
    if (here === undefined) {
      throw new PipelineError(
        'SCHEMA_NEWER',
        `${name} was applied to ${warehouse.file}, but is not in ${migrationsFolder}/`,
        {
          file: warehouse.file,
          hint: 'use the version of the code that wrote it, or a newer one',
        },
      );
    }
    if (here.checksum !== checksum) {
      throw new PipelineError(
        'MIGRATION_CHANGED',
        `the migration ${here.name} differs from the one that was applied to ${warehouse.file} (${name})`,
        {
          file: `${migrationsFolder}/${here.name}.sql`,
          hint: 'restore the old file and write the change as a new migration: pnpm pipeline migrate new NAME',
        },
      );
    }
  }
  const newest = applied.at(-1)?.number ?? 0;
  const pending = migrations.filter(({ number }) => !applied.some((one) => one.number === number));
  const late = pending.find(({ number }) => number < newest);
  if (late !== undefined) {
    throw new PipelineError(
      'MIGRATION_CHANGED',
      `${late.name} was added after migration ${newest} had been applied to ${warehouse.file}`,
      {
        file: `${migrationsFolder}/${late.name}.sql`,
        hint: 'give it the next number: migrations run in order',
      },
    );
  }
  return { kind: 'recorded', live, applied, pending };
}

/** Must run in the transaction that applies them. */
export async function recordApplied(warehouse: Warehouse, migrations: readonly Migration[], now: Date): Promise<void> {
  if (migrations.length === 0) return;
  const at = timestampLiteral(now);
  const rows = migrations.map(
    ({ number, name, checksum }) => `(${number}, ${quoteText(name)}, ${quoteText(checksum)}, ${at})`,
  );
  await warehouse.run(`INSERT INTO ${table} ("number", "name", "checksum", applied_at) VALUES ${rows.join(', ')}`);
}

/**
 * Returns the schema before the first migration and after each one, as DuckDB reports it.
 * @throws PipelineError MIGRATION_FAILED naming the file
 */
export const replayMigrations = (migrations: readonly Migration[], signal: AbortSignal): Promise<readonly Schema[]> =>
  replay(migrations, signal, () => true);

/** Returns the last of these schemas. It takes half the time, most of which is spent on reading schemas. */
export async function schemaAfter(migrations: readonly Migration[], signal: AbortSignal): Promise<Schema> {
  const [last = {}] = await replay(migrations, signal, (applied) => applied === migrations.length);
  return last;
}

/** Returns the schemas after those numbers of migrations that are wanted. */
async function replay(
  migrations: readonly Migration[],
  signal: AbortSignal,
  isWanted: (applied: number) => boolean,
): Promise<readonly Schema[]> {
  await using scratch = await openWarehouse({ file: ':memory:', threads: 1, signal });
  for (const statement of tableStatements(schemaMigrations)) await scratch.run(statement);
  const states = isWanted(0) ? [await readSchema(scratch)] : [];
  for (const [index, { name, sql }] of migrations.entries()) {
    await scratch.run(sql).catch((error: Error) => {
      throw new PipelineError('MIGRATION_FAILED', `${name} fails: ${error.message}`, {
        file: `${migrationsFolder}/${name}.sql`,
        cause: error,
      });
    });
    if (isWanted(index + 1)) states.push(await readSchema(scratch));
  }
  return states;
}

/** The tables that this version of the code works with. */
export interface Definition {
  readonly schema: Schema;
  readonly migrations: readonly Migration[];
}

const outdated = (file: string, message: string) =>
  new PipelineError('SCHEMA_OUTDATED', `${message}; nothing was changed`, {
    file,
    hint: 'pnpm pipeline migrate status shows the pending migrations; pnpm pipeline migrate up applies them after a backup',
  });

/**
 * Reads the state of a warehouse and rejects one with pending migrations; its tables are not checked.
 * @throws PipelineError SCHEMA_OUTDATED if migrations are pending, SCHEMA_NEWER, MIGRATION_CHANGED
 */
async function expectMigrated(
  warehouse: Warehouse,
  { schema, migrations }: { readonly schema?: Schema; readonly migrations: readonly Migration[] },
): Promise<Standing> {
  const { file } = warehouse;
  const standing = await readStanding(warehouse, migrations);
  if (standing.kind === 'unrecorded') {
    const has = Object.keys(standing.live).length;
    const of = schema === undefined ? '' : ` of ${storedTables(schema).length}`;
    throw outdated(file, `older than this code: ${has}${of} tables and no record of migrations`);
  }
  if (standing.kind === 'recorded' && standing.pending.length > 0) {
    throw outdated(
      file,
      `older than this code; pending migrations: ${standing.pending.map(({ name }) => name).join(', ')}`,
    );
  }
  return standing;
}

/**
 * Checks that a warehouse has the tables of the definition, or none at all.
 * @throws PipelineError as `expectMigrated`, and SCHEMA_DRIFT if a table differs nevertheless
 */
export async function expectCurrent(warehouse: Warehouse, definition: Definition): Promise<'empty' | 'current'> {
  const standing = await expectMigrated(warehouse, definition);
  if (standing.kind === 'empty') return 'empty';
  expectSchema(standing.live, definition.schema, 'the warehouse differs from the definition', {
    file: warehouse.file,
    hint: 'if it was altered by hand, undo that or restore a backup; if the definition was changed: pnpm pipeline migrate new NAME',
  });
  return 'current';
}

/** The same check for readers: an empty database is rejected later, when its tables are read. */
export async function refuseOlder(warehouse: Warehouse, root: string): Promise<void> {
  const migrations = await readMigrations(root);
  if (migrations.length > 0) await expectMigrated(warehouse, { migrations });
}

/** The migrations that were applied to a database without a record, inferred from its tables. */
export interface Recognised {
  readonly applied: readonly Migration[];
  readonly pending: readonly Migration[];
  /** The database's tables that migrations know: as they are (`found`), and as the migrations left them (`exact`). */
  readonly found: Schema;
  readonly exact: Schema;
}

/**
 * A table fits the states in which it has every column. A migration counts as applied if every table that it touches
 * fits a state after it. Tables that no migration knows are ignored.
 * @throws PipelineError SCHEMA_DRIFT if a table, or the tables of one migration, fit no state
 */
export function recognise(live: Schema, migrations: readonly Migration[], states: readonly Schema[]): Recognised {
  const known = new Set(states.flatMap((state) => Object.keys(state)));
  const found = Object.fromEntries(Object.entries(live).filter(([name]) => known.has(name)));
  const fits = new Map(Object.entries(found).map(([name, table]) => [name, fittingStates(table, states)]));
  const applied: Migration[] = [];
  const pending: Migration[] = [];
  const exact = new Map([...fits].map(([name, { last }]) => [name, last]));
  for (const [index, migration] of migrations.entries()) {
    const at = index + 1;
    const tables = touched(states, at);
    const behind = tables.find((name) => (fits.get(name)?.last ?? 0) < at);
    if (behind === undefined) {
      applied.push(migration);
      continue;
    }
    pending.push(migration);
    for (const name of tables) {
      const fit = fits.get(name);
      if (fit === undefined) continue;
      if (fit.first >= at) {
        const other = found[behind] ? 'is older' : 'is missing';
        throw unknown(`${name} is as ${migration.name} left it, but ${behind} ${other}`);
      }
      exact.set(name, Math.min(exact.get(name) ?? 0, at - 1));
    }
  }
  const left = [...exact].map(([name, at]) => [name, states[at]?.[name] as Table]);
  return { applied, pending, found, exact: Object.fromEntries(left) };
}

/** Returns the tables that a migration creates, changes or drops; 1 is the first migration. */
function touched(states: readonly Schema[], at: number): readonly string[] {
  const [before = {}, after = {}] = [states[at - 1], states[at]];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.filter((name) => !isDeepStrictEqual(before[name], after[name]));
}

/** Returns the last state that a table fits, and the first with the same columns. */
function fittingStates(table: Table, states: readonly Schema[]): { readonly first: number; readonly last: number } {
  const namesAt = (state: Schema | undefined) => Object.keys(state?.[table.name]?.columns ?? {}).sort();
  const lacks = (state: Schema | undefined) => namesAt(state).filter((name) => table.columns[name] === undefined);
  const last = states.findLastIndex((state) => state[table.name] !== undefined && lacks(state).length === 0);
  if (last < 0) {
    const oldest = states.find((state) => state[table.name] !== undefined);
    throw unknown(`${table.name} lacks ${lacks(oldest).join(', ')}, which even its oldest known version has`);
  }
  const names = namesAt(states[last]);
  const before = states.slice(0, last).findLastIndex((state) => !isDeepStrictEqual(namesAt(state), names));
  return { first: before + 1, last };
}

const unknown = (message: string) =>
  new PipelineError('SCHEMA_DRIFT', `this database matches no known schema version: ${message}`, {
    hint: 'change it by hand to one of the schemas in migrations/, or move it away and rebuild it: pnpm pipeline run',
  });
