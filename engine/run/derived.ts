import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { Pipeline } from '../config/load.ts';
import { printSchema } from '../duckdb/dialect.ts';
import type { Schema } from '../schema/table.ts';
import { printTablesPage } from '../schema/tables-page.ts';

/** A committed file that the definition decides to the last byte. */
export interface DerivedFile {
  /** Relative to the project. */
  readonly file: string;
  readonly text: string;
}

/** schema.sql, beside the module that it is generated from. */
export const schemaFile = (pipeline: Pipeline): string => path.join(path.dirname(pipeline.spec.schema), 'schema.sql');

export function derivedFiles(pipeline: Pipeline, schema: Schema): readonly DerivedFile[] {
  const source = pipeline.spec.schema;
  return [
    { file: schemaFile(pipeline), text: printSchema(schema, source) },
    { file: path.join('docs', 'tables.md'), text: printTablesPage(schema, source) },
  ];
}

/** Writes those that are stale; the files written. */
export async function writeDerived(root: string, files: readonly DerivedFile[]): Promise<readonly string[]> {
  const written: string[] = [];
  for (const { file, text } of files) {
    if ((await readCommitted(root, file)) === text) continue;
    await mkdir(path.dirname(path.join(root, file)), { recursive: true });
    await writeFile(path.join(root, file), text);
    written.push(file);
  }
  return written;
}

/** Where a committed file first differs from what the definition gives; undefined where it does not. */
export async function staleness(root: string, { file, text }: DerivedFile): Promise<string | undefined> {
  const committed = await readCommitted(root, file);
  if (committed === text) return undefined;
  if (committed === undefined) return 'it is missing';
  const [have, want] = [committed.split('\n'), text.split('\n')];
  const at = [...have, ...want].findIndex((_, line) => have[line] !== want[line]);
  return `it is stale: line ${at + 1} is \`${have[at] ?? ''}\`, the definition gives \`${want[at] ?? ''}\``;
}

const readCommitted = (root: string, file: string): Promise<string | undefined> =>
  readFile(path.join(root, file), 'utf8').catch(() => undefined);
