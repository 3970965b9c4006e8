import { tableStatements } from '../duckdb/dialect.ts';
import { openWarehouse, readSchema } from '../duckdb/index.ts';
import { PipelineError } from '../errors.ts';
import { schemaMigrations } from '../schema/system.ts';
import type { Schema } from '../schema/table.ts';
import { type Migration, migrationsFolder } from './files.ts';

/**
 * The schema before the first migration and after each, as DuckDB tells them: what is kept of a release.
 * @throws PipelineError MIGRATION_FAILED naming the file
 */
export async function replayMigrations(
  migrations: readonly Migration[],
  signal: AbortSignal,
): Promise<readonly Schema[]> {
  await using scratch = await openWarehouse({ file: ':memory:', threads: 1, signal });
  for (const statement of tableStatements(schemaMigrations)) await scratch.run(statement);
  const states = [await readSchema(scratch)];
  for (const { name, sql } of migrations) {
    await scratch.run(sql).catch((error: Error) => {
      throw new PipelineError('MIGRATION_FAILED', `${name} does not run: ${error.message}`, {
        file: `${migrationsFolder}/${name}.sql`,
        cause: error,
      });
    });
    states.push(await readSchema(scratch));
  }
  return states;
}
