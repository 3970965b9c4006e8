import { readSchema, type Warehouse } from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import { schemaMigrations } from '../schema/system.ts';
import type { RowOf, Schema } from '../schema/table.ts';
import { quoteName, quoteText, timestampLiteral } from '../sql.ts';
import { type Migration, migrationsFolder } from './files.ts';

export type AppliedMigration = RowOf<typeof schemaMigrations>;

/** Where a database stands. `unrecorded`: it has tables and no record of migrations, so it is older than them. */
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

/**
 * @throws PipelineError SCHEMA_NEWER where the database has been through migrations that are not here, MIGRATION_CHANGED
 *   where one of them was another then
 */
export async function readStanding(warehouse: Warehouse, migrations: readonly Migration[]): Promise<Standing> {
  const live = await readSchema(warehouse);
  if (Object.keys(live).length === 0) return { kind: 'empty' };
  if (live[schemaMigrations.name] === undefined) return { kind: 'unrecorded', live };
  const applied = await warehouse.rows<AppliedMigration>(`FROM ${table} ORDER BY "number"`);
  for (const { number, name, checksum } of applied) {
    const here = migrations.find((migration) => migration.number === number);
    if (here === undefined) {
      throw new PipelineError(
        'SCHEMA_NEWER',
        `${warehouse.file} has been through ${name}, which is not in ${migrationsFolder}/`,
        {
          file: warehouse.file,
          hint: 'use the version of the code that wrote it, or a newer one',
        },
      );
    }
    if (here.checksum !== checksum) {
      throw new PipelineError(
        'MIGRATION_CHANGED',
        `the migration ${here.name} is not the one that ${warehouse.file} has been through (${name})`,
        {
          file: `${migrationsFolder}/${here.name}.sql`,
          hint: 'bring the old file back and write the change as a new migration: pnpm pipeline migrate new NAME',
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
      `${late.name} was added below ${newest}, which ${warehouse.file} has been through`,
      {
        file: `${migrationsFolder}/${late.name}.sql`,
        hint: 'give it the next number: migrations run in order',
      },
    );
  }
  return { kind: 'recorded', live, applied, pending };
}

/** Part of the transaction that applies them. */
export async function recordApplied(warehouse: Warehouse, migrations: readonly Migration[], now: Date): Promise<void> {
  if (migrations.length === 0) return;
  const at = timestampLiteral(now);
  const rows = migrations.map(
    ({ number, name, checksum }) => `(${number}, ${quoteText(name)}, ${quoteText(checksum)}, ${at})`,
  );
  await warehouse.run(`INSERT INTO ${table} ("number", "name", "checksum", applied_at) VALUES ${rows.join(', ')}`);
}
