import { dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { createRunId } from '../build.ts';
import type { Cli } from '../io.ts';
import { loadPipelineOf, openContext } from '../open-context.ts';
import { addExamples, collect, type GlobalOptions } from '../options.ts';

export function defineMigrate(program: Command, cli: Cli): void {
  const migrate = program
    .command('migrate')
    .description('Upgrades warehouses to a changed definition without losing rows.');
  const status = migrate
    .command('status')
    .description("Shows the applied and pending migrations of the target's warehouse.")
    .action((_, own: Command) => migrateStatus(cli, own.optsWithGlobals()));
  addExamples(status, 'migrate status', 'migrate status --target live');
  const create = migrate
    .command('new')
    .description('Writes a migration for the changes of the definition, and updates the derived files.')
    .argument('<name>', 'what the migration does, such as add_discount')
    .option('--rename <old=new>', 'table.old=table.new, or old=new for a table; repeatable', collect)
    .option('--fill <column=sql>', 'value for existing rows: table.column=SQL over the old row; repeatable', collect)
    .action((name: string, _, own: Command) => migrateNew(cli, name, own.optsWithGlobals()));
  addExamples(
    create,
    'migrate new add_discount',
    'migrate new call_it_amount --rename orders.price=orders.amount',
    `migrate new add_region --fill "orders.region='eu'"`,
  );
  const undo = migrate
    .command('undo')
    .description('Removes the last migration, if it is neither committed to git nor applied to a warehouse.')
    .action((_, own: Command) => migrateUndo(cli, own.optsWithGlobals()));
  addExamples(undo, 'migrate undo');
  const up = migrate
    .command('up')
    .description("Applies all pending migrations to the target's warehouse in one transaction, after a backup.")
    .option('--allow-destructive', 'also apply steps that drop or narrow something')
    .option('--wait', 'wait while a run has the target locked')
    .action((_, own: Command) => migrateUp(cli, own.optsWithGlobals()));
  addExamples(up, 'migrate up', 'migrate up --target live --allow-destructive');
  const restore = migrate
    .command('restore')
    .description('Replaces the warehouse with a backup, after a backup of the current one.')
    .argument('<backup>', 'backup file written by migrate up, clean or run --full-refresh')
    .option('--wait', 'wait while a run has the target locked')
    .action((backup: string, _, own: Command) => migrateRestore(cli, backup, own.optsWithGlobals()));
  addExamples(restore, 'migrate restore data/sample/backups/warehouse-20261120T103000Z-ab12.duckdb');
  addExamples(migrate, 'migrate status', 'migrate new add_discount', 'migrate up');
}

interface HintOptions extends GlobalOptions {
  readonly rename?: readonly string[];
  readonly fill?: readonly string[];
}

async function migrateStatus(cli: Cli, options: GlobalOptions): Promise<void> {
  const [{ pipeline, paths }, { describeStatus }, definition] = await Promise.all([
    openContext(cli, options),
    import('../../migrations/status.ts'),
    loadDefinition(cli, options),
  ]);
  for (const line of await describeStatus({ pipeline, paths, definition, signal: cli.signal })) cli.print(line);
}

async function migrateNew(cli: Cli, name: string, options: HintOptions): Promise<void> {
  const [pipeline, { writeMigration }, { derivedFiles, writeDerived }, { planLines }, definition] = await Promise.all([
    loadPipelineOf(cli, options),
    import('../../migrations/write-migration.ts'),
    import('../../schema/check-schema.ts'),
    import('../../migrations/steps.ts'),
    loadDefinition(cli, options),
  ]);
  const { rename: renames = [], fill: fills = [] } = options;
  const step = await writeMigration({ ...definition, root: pipeline.root, name, renames, fills, signal: cli.signal });
  if (step === undefined) cli.print(`nothing to migrate: the migrations already match ${pipeline.spec.schema}`);
  else for (const line of planLines({ recognised: [], steps: [step] })) cli.print(line);
  if (step !== undefined) cli.print(`wrote migrations/${step.name}.sql`);
  const written = await writeDerived(pipeline.root, derivedFiles(pipeline, definition.schema));
  for (const file of written) cli.print(`wrote ${file}`);
}

async function migrateUndo(cli: Cli, options: GlobalOptions): Promise<void> {
  const [{ pipeline, paths }, { undoMigration }, { readMigrations }, { targetPaths }] = await Promise.all([
    openContext(cli, options),
    import('../../migrations/undo.ts'),
    import('../../migrations/folder.ts'),
    import('../../target/paths.ts'),
  ]);
  const dataDir = dirname(paths.root);
  const { name } = await undoMigration({
    root: pipeline.root,
    migrations: await readMigrations(pipeline.root),
    warehouses: Object.keys(pipeline.spec.targets).map((target) => targetPaths(dataDir, target).warehouse),
    signal: cli.signal,
  });
  cli.print(`removed migrations/${name}.sql`);
  cli.print(`${pipeline.spec.schema} is unchanged; to write the change again: pnpm pipeline migrate new NAME`);
}

async function migrateUp(
  cli: Cli,
  options: GlobalOptions & { readonly allowDestructive?: boolean; readonly wait?: boolean },
): Promise<void> {
  const [{ paths }, { migrateUp: up }, definition] = await Promise.all([
    openContext(cli, options),
    import('../../migrations/up.ts'),
    loadDefinition(cli, options),
  ]);
  const { allowDestructive = false, wait = false } = options;
  await up({ definition, paths, allowDestructive, wait, ...changeOf(cli) });
}

async function migrateRestore(
  cli: Cli,
  backup: string,
  options: GlobalOptions & { readonly wait?: boolean },
): Promise<void> {
  const [{ target, paths }, { restoreBackup }, definition] = await Promise.all([
    openContext(cli, options),
    import('../../migrations/restore.ts'),
    loadDefinition(cli, options),
  ]);
  await restoreBackup({
    backup: resolve(cli.cwd, backup),
    ...{ paths, definition, synthetic: target.synthetic, wait: options.wait ?? false },
    ...changeOf(cli),
  });
}

/** The process state that every command that changes a warehouse needs. */
function changeOf(cli: Cli) {
  const now = cli.now();
  return { now, runId: createRunId(now, cli.random), print: cli.print, signal: cli.signal };
}

async function loadDefinition(cli: Cli, options: GlobalOptions) {
  const [pipeline, { loadSchema }, { readMigrations }] = await Promise.all([
    loadPipelineOf(cli, options),
    import('../../modules.ts'),
    import('../../migrations/folder.ts'),
  ]);
  return { schema: await loadSchema(pipeline), migrations: await readMigrations(pipeline.root) };
}
