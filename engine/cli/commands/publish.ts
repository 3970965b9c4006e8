import type { Command } from 'commander';
import { closest, PipelineError } from '../../errors.ts';
import type { Cli } from '../io.ts';
import { type CommandContext, openContext } from '../open-context.ts';
import { addExamples, type GlobalOptions } from '../options.ts';

interface PlaceOptions extends GlobalOptions {
  readonly to?: string;
  readonly from?: string;
  readonly wait?: boolean;
}

interface PublishOptions extends PlaceOptions {
  readonly dryRun?: boolean;
  readonly replace?: boolean;
}

interface RestoreOptions extends PlaceOptions {
  readonly at?: string;
  readonly ifPublished?: boolean;
}

export function definePublish(program: Command, cli: Cli): void {
  const publish = program
    .command('publish')
    .description('Publishes the warehouse of the last run as a new version, for readers and targets elsewhere.')
    .argument('[name]', 'publication in pipeline.yaml (default: the only one)')
    .option('--to <place>', 's3://bucket/prefix or a folder, instead of the one in pipeline.yaml')
    .option('--dry-run', 'show what would be published, and change nothing there')
    .option('--replace', 'publish even if the latest version does not come from this target')
    .option('--wait', 'wait while a run has the target locked')
    .action((name: string | undefined, _, own: Command) => publishTarget(cli, name, own.optsWithGlobals()));
  addExamples(publish, 'publish --to DIR', 'publish --to s3://bucket/prefix --dry-run');
}

export function defineRestore(program: Command, cli: Cli): void {
  const restore = program
    .command('restore')
    .description('Makes an empty target what was published last, so that the next run goes on from there.')
    .argument('[name]', 'publication in pipeline.yaml (default: the only one)')
    .option('--from <place>', 's3://bucket/prefix or a folder, instead of the one in pipeline.yaml')
    .option('--at <version>', 'an earlier version, by name')
    .option('--if-published', 'leave the target empty, without an error, before the very first publication')
    .option('--wait', 'wait while a run has the target locked')
    .action((name: string | undefined, _, own: Command) => restoreInto(cli, name, own.optsWithGlobals()));
  addExamples(restore, 'restore --from DIR', 'restore --from s3://bucket/prefix --if-published');
}

async function publishTarget(cli: Cli, given: string | undefined, options: PublishOptions): Promise<void> {
  const [context, { publish }] = await Promise.all([
    openContext(cli, options),
    import('../../publish/publish-target.ts'),
  ]);
  const { name, spec, store } = await openPublication(cli, context, { given, place: options.to, flag: '--to' });
  const { loadChecked } = await import('../../modules.ts');
  await loadChecked(context.pipeline);
  const { dryRun = false, replace = false, wait = false } = options;
  await publish({ ...context, name, spec, store, dryRun, replace, wait, ...processOf(cli) });
}

async function restoreInto(cli: Cli, given: string | undefined, options: RestoreOptions): Promise<void> {
  const [context, { restoreTarget }] = await Promise.all([
    openContext(cli, options),
    import('../../publish/restore-target.ts'),
  ]);
  const { name, store } = await openPublication(cli, context, { given, place: options.from, flag: '--from' });
  const { at: version, ifPublished = false, wait = false } = options;
  await restoreTarget({ ...context, name, store, version, ifPublished, wait, ...processOf(cli) });
}

const processOf = (cli: Cli) => ({ now: cli.now(), print: cli.print, signal: cli.signal });

/** Returns the publication of this name, or the only one, and opens the store that it is kept in. */
async function openPublication(
  cli: Cli,
  { pipeline }: CommandContext,
  {
    given,
    place,
    flag,
  }: { readonly given: string | undefined; readonly place: string | undefined; readonly flag: string },
) {
  const { openStore } = await import('../../publish/open-store.ts');
  const { publications } = pipeline.spec;
  const names = Object.keys(publications);
  const name = given ?? names[0];
  if (name === undefined) {
    throw new PipelineError('USAGE', `${pipeline.file} declares no publication`, {
      hint: 'declare what is published: publications: { NAME: { to: PLACE, files: [ … ] } }, see docs/publications.md',
    });
  }
  if (given === undefined && names.length > 1)
    throw new PipelineError('USAGE', 'there are several publications', { hint: `name one: ${names.join(', ')}` });
  const spec = Object.hasOwn(publications, name) ? publications[name] : undefined;
  if (spec === undefined) {
    throw new PipelineError('USAGE', `there is no publication \`${name}\` in ${pipeline.file}`, {
      value: name,
      hint: closest(name, names) ?? `known publications: ${names.join(', ')}`,
    });
  }
  const address = place ?? spec.to;
  if (address === undefined) {
    throw new PipelineError('USAGE', `the publication ${name} has no place`, {
      hint: `name it with ${flag}, or as publications.${name}.to in pipeline.yaml`,
    });
  }
  return {
    name,
    spec,
    store: openStore(address, {
      flag,
      env: cli.env,
      cwd: place === undefined ? pipeline.root : cli.cwd,
      signal: cli.signal,
    }),
  };
}
