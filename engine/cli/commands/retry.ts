import type { Command } from 'commander';
import type { Cli } from '../cli.ts';
import { openContext } from '../context.ts';
import { addExamples, type GlobalOptions } from '../options.ts';

/** `runWords` does what the words of a command line say. */
export function defineRetry(program: Command, cli: Cli, runWords: (cli: Cli) => Promise<void>): void {
  const command = program
    .command('retry')
    .description('Runs the last command of the target again, for the nodes that failed or were skipped.')
    .action(async (_, own: Command) => {
      const again = await readAgain(cli, own.optsWithGlobals());
      if (again !== undefined) await runWords({ ...cli, ...again });
    });
  addExamples(command, 'retry', 'retry --target live');
}

/** The words to do again and for which nodes; undefined where there is nothing to do. */
async function readAgain(cli: Cli, options: GlobalOptions): Promise<Pick<Cli, 'argv' | 'only'> | undefined> {
  const [{ paths }, { readUnfinished }] = await Promise.all([
    openContext(cli, options),
    import('../../run/unfinished.ts'),
  ]);
  const { argv, nodes } = await readUnfinished(paths.artifacts);
  if (nodes.length === 0) {
    cli.print('nothing to retry: every node of the last run ended well');
    return undefined;
  }
  cli.stderr.write(`again: pnpm pipeline ${argv.join(' ')}\n`);
  return { argv, only: new Set(nodes) };
}
