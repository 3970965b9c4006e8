import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { openWarehouse } from '../../../engine/duckdb/warehouse.ts';
import { checksumOf, type Migration, readMigrations } from '../../../engine/migrations/folder.ts';
import { migrateUp } from '../../../engine/migrations/up.ts';
import { writeMigration } from '../../../engine/migrations/write-migration.ts';
import { createWarehouseHost } from '../../../engine/run/warehouse-host.ts';
import { schemaMigrations } from '../../../engine/schema/system.ts';
import type { Schema, Table } from '../../../engine/schema/table.ts';
import { targetPaths } from '../../../engine/target/paths.ts';
import { tempDir } from '../../support/temp.ts';

const { signal } = new AbortController();
export const now = new Date('2026-11-20T10:30:00Z');

export const schemaOf = (...tables: readonly Table[]): Schema =>
  Object.fromEntries([schemaMigrations, ...tables].map((table) => [table.name, table]));

/** A folder with migrations and a target, driven as the commands do; a copy of `template` if that is given. */
export async function createProject(template?: { readonly root: string }) {
  const root = await tempDir('migrations-');
  if (template !== undefined) await cp(template.root, root, { recursive: true });
  const paths = targetPaths(join(root, 'data'), 'sample');
  let backups = 0;

  const migrations = (): Promise<readonly Migration[]> => readMigrations(root);

  /** `migrate new`. */
  const create = async (
    name: string,
    schema: Schema,
    hints: { readonly renames?: readonly string[]; readonly fills?: readonly string[] } = {},
  ) => writeMigration({ root, schema, migrations: await migrations(), name, renames: [], fills: [], signal, ...hints });

  /** As `run` does with a missing warehouse: creates it from the schema, with all migrations on record. */
  const build = async (schema: Schema, ...statements: readonly string[]) => {
    const host = createWarehouseHost({
      ...{ schema, migrations: await migrations(), now, asOf: now },
      ...{ file: paths.warehouse, signal },
    });
    await host.use(async (warehouse) => {
      for (const statement of statements) await warehouse.run(statement);
    });
    await host.release();
  };

  /** Runs SQL on the warehouse, as a user would by hand. */
  const execute = async (...statements: readonly string[]) => {
    await using warehouse = await openWarehouse({ file: paths.warehouse });
    for (const statement of statements) await warehouse.run(statement);
  };

  const rows = async (query: string, file = paths.warehouse): Promise<readonly object[]> => {
    await using warehouse = await openWarehouse({ file, readOnly: true });
    return await warehouse.rows(query); // before it is closed
  };

  /** Runs `migrate up` and returns what it prints. */
  const up = async (
    schema: Schema,
    options: {
      readonly allowDestructive?: boolean;
      readonly signal?: AbortSignal;
      readonly print?: (line: string) => void;
    } = {},
  ) => {
    const lines: string[] = [];
    await migrateUp({
      definition: { schema, migrations: await migrations() },
      paths,
      allowDestructive: false,
      wait: false,
      runId: `run-${++backups}`,
      now,
      print: (line) => lines.push(line),
      signal,
      ...options,
    });
    return lines;
  };

  /** `(cd migrations && sha256sum *.sql > SHA256SUMS)` */
  const sign = async () => {
    const directory = join(root, 'migrations');
    const files = (await readdir(directory)).filter((file) => file.endsWith('.sql')).sort();
    const lines = files.map(async (file) => `${checksumOf(await readFile(join(directory, file), 'utf8'))}  ${file}\n`);
    await writeFile(join(directory, 'SHA256SUMS'), (await Promise.all(lines)).join(''));
  };

  const writeFileOf = async (path: string, text: string) => {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), text);
  };

  return { root, paths, migrations, create, build, execute, rows, up, sign, writeFile: writeFileOf };
}

export type TestProject = Awaited<ReturnType<typeof createProject>>;
