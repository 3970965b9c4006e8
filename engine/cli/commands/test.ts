import { type Command, Option } from 'commander';
import { type BuildOptions, build } from '../build.ts';
import type { Cli } from '../io.ts';
import { completeGraph, followsEdges, openContext } from '../open-context.ts';
import { addExamples, addSelectionOptions, memoryLimit, wholeNumber } from '../options.ts';

export function defineTest(program: Command, cli: Cli): void {
  const command = program
    .command('test')
    .description('Runs the data tests of the selection on the published tables, and stores every measured value.');
  addSelectionOptions(command)
    .addOption(
      new Option('--unit', 'run the unit tests of the selected models, in memory').conflicts([
        ...['asOf', 'failFast', 'threads', 'memoryLimit', 'wait', 'warnError'],
      ]),
    )
    .option('--as-of <time>', 'clock for freshness tests, in UTC')
    .option('-x, --fail-fast', 'stop at the first failure')
    .option('--threads <n>', 'number of tests that run at once', wholeNumber(1))
    .addOption(memoryLimit())
    .option('--wait', 'wait while another run has the target locked')
    .option('--warn-error', 'exit with 1 if there are warnings')
    .action(async (_, own: Command) => {
      const { unit, ...options } = own.optsWithGlobals<BuildOptions & { readonly unit?: boolean }>();
      await (unit ? testModels(cli, options) : build(cli, 'test', options));
    });
  addExamples(command, 'test', 'test --select NAME --warn-error', 'test --unit --select NAME');
}

async function testModels(cli: Cli, options: BuildOptions): Promise<void> {
  const [context, { select }, { runUnitTests }] = await Promise.all([
    openContext(cli, options),
    import('../../graph/select.ts'),
    import('../../run/unit-tests.ts'),
  ]);
  const graph = followsEdges(options) ? await completeGraph(context) : context.graph;
  const { failed } = await runUnitTests({
    ...context,
    selected: select(graph, options),
    print: cli.print,
    signal: cli.signal,
  });
  cli.finish(failed > 0 ? 1 : 0);
}
