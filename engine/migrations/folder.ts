import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { readSums, sumsFile } from '../disk.ts';
import { PipelineError } from '../errors.ts';
import type { Renames } from '../schema/diff.ts';

/** A file in migrations/: SQL that takes the schema from the previous migration to the next version. */
export interface Migration {
  readonly number: number;
  /** For example `0003_daily_figures`. */
  readonly name: string;
  readonly sql: string;
  /** SHA-256 of the file. */
  readonly checksum: string;
  readonly renames: Renames;
}

export const migrationsFolder = 'migrations';

const namePattern = /^(\d{4})_([a-z][a-z0-9_]*)$/;

export const migrationName = (number: number, name: string): string => `${String(number).padStart(4, '0')}_${name}`;

export const fileOf = (name: string): string => `${name}.sql`;

export const checksumOf = (sql: string): string => createHash('sha256').update(sql).digest('hex');

/**
 * Reads the migrations of a project in order; none if it has no such folder.
 * @throws PipelineError MIGRATION_CHANGED if the files differ, byte for byte, from those that SHA256SUMS lists
 */
export async function readMigrations(root: string): Promise<readonly Migration[]> {
  const directory = path.join(root, migrationsFolder);
  const files = await readdir(directory).catch(() => []);
  const names = files.filter((file) => file.endsWith('.sql')).map((file) => file.slice(0, -'.sql'.length));
  const { sums } = await readSums(directory);
  for (const name of sums.keys().map((file) => file.replace(/\.sql$/, '')))
    if (!names.includes(name)) throw changed(name, 'is missing', 'restore it: a migration is never removed');
  const migrations = await Promise.all(names.sort().map((name) => readMigration(directory, name)));
  for (const [at, { name, number, checksum }] of migrations.entries()) {
    if (number === migrations[at - 1]?.number)
      throw changed(name, `has the same number as ${migrations[at - 1]?.name}`, 'give the later one the next number');
    const sum = sums.get(fileOf(name));
    if (sum === undefined)
      throw changed(
        name,
        `is not in ${sumsFile}`,
        'sign one that you wrote by hand: (cd migrations && sha256sum *.sql > SHA256SUMS)',
      );
    if (sum !== checksum)
      throw changed(
        name,
        'was changed after it was written',
        'undo the change and write it as a new migration: pnpm pipeline migrate new NAME',
      );
  }
  return migrations;
}

const changed = (name: string, what: string, hint: string) =>
  new PipelineError('MIGRATION_CHANGED', `the migration ${name} ${what}`, {
    file: `${migrationsFolder}/${fileOf(name)}`,
    hint,
  });

async function readMigration(directory: string, name: string): Promise<Migration> {
  const [, number] = namePattern.exec(name) ?? [];
  if (number === undefined) throw changed(name, 'must be named like 0007_turnover', 'rename it');
  const sql = await readFile(path.join(directory, fileOf(name)), 'utf8');
  return { number: Number(number), name, sql, checksum: checksumOf(sql), renames: parseRenames(sql) };
}

const renameLine = /^-- rename: (?:(.+)\.)?(.+) = (?:.+\.)?(.+)$/gm;

/**
 * The lines at the top of a migration that list its renames, which would otherwise look like a drop and an addition.
 */
export const renameLines = (renames: Renames): readonly string[] =>
  [...renames].map(([to, from]) => {
    const table = to.includes('.') ? `${to.split('.')[0]}.` : '';
    return `-- rename: ${table}${from} = ${to}`;
  });

const parseRenames = (sql: string): Renames =>
  new Map(
    [...sql.matchAll(renameLine)].map(([, table, from = '', to = '']) => [
      table === undefined ? to : `${table}.${to}`,
      from,
    ]),
  );
