import { type Command, Option } from 'commander';
import type { Cli } from '../cli.ts';
import { addExamples, addSelectionOptions } from '../options.ts';
import { type PlanFormat, plan, planFormats } from '../plan.ts';
import { withVarFlags } from '../var-flags.ts';

export function definePlan(program: Command, cli: Cli): void {
  const command = program
    .command('plan')
    .description('Lists the archive and shows what a run of the selection would fetch and why; it fetches nothing.');
  addSelectionOptions(command)
    .option('--start <date>', 'first UTC day to fetch')
    .option('--end <date>', 'the UTC day after the last one')
    .option('--as-of <time>', "the run's clock, UTC: which months are closed")
    .option('--relist', 'list every series whole again, and ask again for what was not there')
    .option('--wait', 'wait while another run holds the target')
    .addOption(new Option('--format <form>', 'form of the result').choices(planFormats).default('table'))
    .action((_, own: Command) =>
      plan(cli, withVarFlags(own) as ReturnType<typeof withVarFlags> & { format: PlanFormat }),
    );
  addExamples(command, 'plan', 'plan --target live --start 2024-01-01', 'plan --select +NAME --format json');
}
