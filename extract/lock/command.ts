import type { Command } from 'commander';
import {
  type CommandIo,
  type GlobalOptions,
  openContext,
  resolveOutput,
  sourcesLock,
  writeText,
} from '../../engine/for-commands.ts';
import { countOf } from '../../engine/index.ts';
import { Ledger } from '../staging/ledger.ts';
import { formatLock, lockedAs } from './file.ts';

/** `pnpm pipeline archive lock`. */
export function addLockCommand(parent: Command, io: CommandIo): void {
  parent
    .command('lock')
    .description('Writes which archives the target is built from, for run --locked.')
    .option('--output <file>', 'default: sources.lock beside pipeline.yaml')
    .action((_, own: Command) => lock(io, own.optsWithGlobals()));
}

async function lock(io: CommandIo, options: GlobalOptions & { readonly output?: string }): Promise<void> {
  const { pipeline, target, paths } = await openContext(io, options);
  const to = resolveOutput(options.output ?? sourcesLock(pipeline.root), io.cwd);
  const ledger = Ledger.open(paths.staging);
  ledger.expectWhole();
  const entries = [...ledger.entries()];
  const archives = entries.map(lockedAs).filter((archive) => archive !== undefined);
  await writeText(formatLock(target.name, archives), to, io);
  const open = entries.length - archives.length;
  if (open > 0)
    io.stderr.write(
      `${countOf(open, 'archive gave no answer and is left out', 'archives gave no answer and are left out')}\n`,
    );
  const [file, notes] = to.kind === 'stdout' ? ['stdout', io.stderr] : [to.file, io.stdout];
  notes.write(`${file}: ${countOf(archives.length, 'archive')} of target ${target.name}\n`);
}
