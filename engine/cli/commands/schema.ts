import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Command } from 'commander';
import { PipelineError } from '../../errors.ts';
import { countOf } from '../../report/node-text.ts';
import type { Cli } from '../cli.ts';
import { loadPipelineOf, openContext } from '../context.ts';
import { addExamples, type GlobalOptions } from '../options.ts';

export function defineSchema(program: Command, cli: Cli): void {
  const schema = program.command('schema').description('The typed definition of the tables, and what differs from it.');
  const print = schema
    .command('print')
    .description('Prints their SQL.')
    .option('--write', 'write it to schema.sql beside the definition')
    .action((_, own: Command) => printSchema(cli, own.optsWithGlobals()));
  addExamples(print, 'schema print', 'schema print --write');
  const check = schema
    .command('check')
    .description('Fails when schema.sql is stale, or when a model or the warehouse differs from the definition.')
    .action((_, own: Command) => checkSchema(cli, own.optsWithGlobals()));
  addExamples(check, 'schema check', 'schema check --target live');
  addExamples(schema, 'schema print', 'schema check');
}

async function printSchema(cli: Cli, options: GlobalOptions & { readonly write?: boolean }): Promise<void> {
  const [pipeline, { schemaFile, schemaSql }] = await Promise.all([
    loadPipelineOf(cli, options),
    import('../../run/schema.ts'),
  ]);
  const sql = await schemaSql(pipeline);
  if (options.write) await writeFile(resolve(pipeline.root, schemaFile(pipeline)), sql);
  else cli.stdout.write(sql);
}

async function checkSchema(cli: Cli, options: GlobalOptions): Promise<void> {
  const [context, { checkSchema: findProblems }] = await Promise.all([
    openContext(cli, options),
    import('../../run/schema.ts'),
  ]);
  const { warehouse } = context.paths;
  const database = existsSync(warehouse) ? warehouse : undefined;
  const problems = await findProblems({ ...context, database, signal: cli.signal });
  for (const problem of problems) cli.print(problem);
  if (problems.length > 0) {
    throw new PipelineError('SCHEMA_DRIFT', `${countOf(problems.length, 'difference')} from the definition`, {
      file: context.pipeline.spec.schema,
      hint: 'a stale schema.sql: pnpm pipeline schema print --write; a warehouse: pnpm pipeline run --full-refresh',
    });
  }
  cli.print(`schema.sql, the models${database === undefined ? '' : ` and ${database}`} agree with the definition`);
}
