import type { Command } from 'commander';
import { createPaint, terminalOf } from '../../report/terminal.ts';
import type { Cli } from '../io.ts';
import { openContext } from '../open-context.ts';
import { addExamples, type GlobalOptions } from '../options.ts';

export function defineDoctor(program: Command, cli: Cli): void {
  const command = program
    .command('doctor')
    .description('Checks what a run needs: versions, disk, the archive, the warehouse and its locks.')
    .action((_, own: Command) => doctor(cli, own.optsWithGlobals()));
  addExamples(command, 'doctor', 'doctor --target live');
}

async function doctor(cli: Cli, options: GlobalOptions): Promise<void> {
  const [{ pipeline, target, paths }, { examine }] = await Promise.all([
    openContext(cli, options),
    import('../../target/examine.ts'),
  ]);
  const findings = await examine({ target, paths, root: pipeline.root, signal: cli.signal });
  const paint = createPaint(terminalOf(cli.stdout, cli.env).color);
  for (const { ok, subject, detail } of findings) {
    cli.print(
      `${ok ? 'ok  ' : paint(['bold', 'red'], 'FAIL')}  ${subject.padEnd(12)} ${detail.replaceAll('\n', `\n${' '.repeat(19)}`)}`,
    );
  }
  if (findings.some(({ ok }) => !ok)) cli.finish(1);
}
