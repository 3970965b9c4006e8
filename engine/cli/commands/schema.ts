import { resolve } from 'node:path';
import type { Command } from 'commander';
import { PipelineError } from '../../errors.ts';
import { countOf } from '../../format.ts';
import type { Comparison } from '../../schema/compare.ts';
import type { Cli } from '../io.ts';
import { loadPipelineOf, openContext } from '../open-context.ts';
import { addExamples, type GlobalOptions } from '../options.ts';

interface DatabaseOptions extends GlobalOptions {
  readonly database?: string;
}

const databaseOption = [
  '--database <file>',
  "DuckDB or Parquet file to use instead of the target's warehouse",
] as const;

export function defineSchema(program: Command, cli: Cli): void {
  const schema = program
    .command('schema')
    .description('Prints the typed definition of the tables, and finds differences from it.');
  const print = schema
    .command('print')
    .description('Prints the SQL of the tables.')
    .option('--write', 'write every file derived from the definition: schema.sql, docs/tables.md')
    .action((_, own: Command) => printSchema(cli, own.optsWithGlobals()));
  addExamples(print, 'schema print', 'schema print --write');
  const check = schema
    .command('check')
    .description('Fails if anything derived from the definition is outdated or differs: files, models, data.')
    .option(...databaseOption)
    .action((_, own: Command) => checkSchema(cli, own.optsWithGlobals()));
  addExamples(check, 'schema check', 'schema check --target live', 'schema check --database published.duckdb');
  const diff = schema
    .command('diff')
    .description('Shows how schema.sql, the migrations and the warehouse differ from the definition.')
    .option(...databaseOption)
    .action((_, own: Command) => diffSchema(cli, own.optsWithGlobals()));
  addExamples(diff, 'schema diff', 'schema diff --target live');
  addExamples(schema, 'schema print', 'schema check', 'schema diff');
}

async function printSchema(cli: Cli, options: GlobalOptions & { readonly write?: boolean }): Promise<void> {
  const [pipeline, { loadSchema }, { derivedFiles, writeDerived }, { printSchema: sqlOf }] = await Promise.all([
    loadPipelineOf(cli, options),
    import('../../modules.ts'),
    import('../../schema/check-schema.ts'),
    import('../../duckdb/dialect.ts'),
  ]);
  const schema = await loadSchema(pipeline);
  if (!options.write) {
    cli.stdout.write(sqlOf(schema, pipeline.spec.schema));
    return;
  }
  const written = await writeDerived(pipeline.root, derivedFiles(pipeline, schema));
  for (const file of written) cli.print(`wrote ${file}`);
  if (written.length === 0) cli.print('all files are up to date');
}

async function checkSchema(cli: Cli, options: DatabaseOptions): Promise<void> {
  const [[context, { checkSchema: check }], { loadSchema }] = await Promise.all([
    openCompare(cli, options),
    import('../../modules.ts'),
  ]);
  const compared = await check(context);
  for (const { subject, differences } of compared)
    for (const difference of differences) cli.print(`${subject}: ${difference}`);
  failWhereDifferent(compared, context.pipeline.spec.schema);
  for (const { name, indexes = {} } of Object.values(await loadSchema(context.pipeline)))
    for (const index of Object.keys(indexes))
      cli.print(`${name} gets the index ${index} when the database is published`);
  cli.print(
    `all agree with ${context.pipeline.spec.schema}: ${[...new Set(compared.map(({ subject }) => subject))].join(', ')}`,
  );
}

async function diffSchema(cli: Cli, options: DatabaseOptions): Promise<void> {
  const [context, { compareSchema }] = await openCompare(cli, options);
  const compared = await compareSchema(context);
  for (const { subject, differences } of compared) {
    cli.print(differences.length === 0 ? `${subject} agrees` : `${subject} differs:`);
    for (const difference of differences) cli.print(`  ${difference}`);
  }
  failWhereDifferent(compared, context.pipeline.spec.schema);
}

async function openCompare(cli: Cli, options: DatabaseOptions) {
  const [context, compare] = await Promise.all([openContext(cli, options), import('../../schema/check-schema.ts')]);
  const database = options.database === undefined ? undefined : resolve(cli.cwd, options.database);
  return [{ ...context, database, signal: cli.signal }, compare] as const;
}

function failWhereDifferent(compared: readonly Comparison[], file: string): void {
  const count = compared.flatMap(({ differences }) => differences).length;
  if (count === 0) return;
  const outdated = compared.find(({ isOutdated }) => isOutdated);
  if (outdated !== undefined) {
    throw new PipelineError('SCHEMA_OUTDATED', `older than this code: ${countOf(count, 'difference')}`, {
      file: outdated.subject,
      hint: 'pnpm pipeline migrate status shows the pending migrations; pnpm pipeline migrate up applies them after a backup',
    });
  }
  throw new PipelineError('SCHEMA_DRIFT', `${countOf(count, 'difference')} from the definition`, {
    file,
    hint: 'outdated files: pnpm pipeline schema print --write; migrations: pnpm pipeline migrate new NAME; warehouse: pnpm pipeline migrate status',
  });
}
