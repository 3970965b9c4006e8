import type { Warehouse } from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import { expectSchema } from '../schema/drift.ts';
import type { Schema } from '../schema/table.ts';
import { storedTables } from '../schema/table.ts';
import { type Migration, readMigrations } from './files.ts';
import { readStanding, type Standing } from './standing.ts';

/** The tables that this version of the code works with. */
export interface Definition {
  readonly schema: Schema;
  readonly migrations: readonly Migration[];
}

const outdated = (file: string, message: string) =>
  new PipelineError('SCHEMA_OUTDATED', `${message}; nothing was changed`, {
    file,
    hint: 'pnpm pipeline migrate status says what is to be done, pnpm pipeline migrate up does it and keeps a backup',
  });

/**
 * Where a warehouse stands that has been through every migration; its tables are not looked at.
 * @throws PipelineError SCHEMA_OUTDATED where migrations are still to come, SCHEMA_NEWER, MIGRATION_CHANGED
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
      `older than this code: it has not been through ${standing.pending.map(({ name }) => name).join(', ')}`,
    );
  }
  return standing;
}

/**
 * Whether a warehouse has tables at all; those that it has are the definition's.
 * @throws PipelineError as `expectMigrated`, and SCHEMA_DRIFT where a table differs all the same
 */
export async function expectCurrent(warehouse: Warehouse, definition: Definition): Promise<'empty' | 'current'> {
  const standing = await expectMigrated(warehouse, definition);
  if (standing.kind === 'empty') return 'empty';
  expectSchema(standing.live, definition.schema, 'the warehouse differs from the definition', {
    file: warehouse.file,
    hint: 'where it was altered by hand, take that back or restore a backup; where the definition was changed: pnpm pipeline migrate new NAME',
  });
  return 'current';
}

/** The same for what only reads: an empty database is refused where its tables are asked for. */
export async function refuseOlder(warehouse: Warehouse, root: string): Promise<void> {
  const migrations = await readMigrations(root);
  if (migrations.length > 0) await expectMigrated(warehouse, { migrations });
}
