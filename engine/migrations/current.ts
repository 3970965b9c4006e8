import type { Warehouse } from '../duckdb/warehouse.ts';
import { PipelineError } from '../errors.ts';
import { storedTables } from '../schema/ddl.ts';
import { expectSchema } from '../schema/drift.ts';
import type { Schema } from '../schema/table.ts';
import type { Migration } from './files.ts';
import { readStanding } from './standing.ts';

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
 * Whether a warehouse has tables at all; those that it has are the definition's.
 * @throws PipelineError SCHEMA_OUTDATED where migrations are still to come, SCHEMA_DRIFT where a table differs all the
 *   same, SCHEMA_NEWER, MIGRATION_CHANGED
 */
export async function expectCurrent(warehouse: Warehouse, definition: Definition): Promise<'empty' | 'current'> {
  const { file } = warehouse;
  const { schema, migrations } = definition;
  const standing = await readStanding(warehouse, migrations);
  if (standing.kind === 'empty') return 'empty';
  if (standing.kind === 'unrecorded') {
    const [has, all] = [Object.keys(standing.live).length, storedTables(schema).length];
    throw outdated(file, `older than this code: ${has} of ${all} tables and no record of migrations`);
  }
  if (standing.pending.length > 0) {
    throw outdated(
      file,
      `older than this code: it has not been through ${standing.pending.map(({ name }) => name).join(', ')}`,
    );
  }
  expectSchema(standing.live, schema, 'the warehouse differs from the definition', {
    file,
    hint: 'where it was altered by hand, take that back or restore a backup; where the definition was changed: pnpm pipeline migrate new NAME',
  });
  return 'current';
}
