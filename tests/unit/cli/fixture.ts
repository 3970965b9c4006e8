import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { MainIo } from '../../../engine/cli/io.ts';
import { main } from '../../../engine/cli/program.ts';
import { createSink } from '../report/scripted-run.ts';

const pipelineYaml = `\
name: demo
default_target: sample
schema: models/schema.ts
targets:
  sample: { archive: sample, as_of: 2025-07-10T09:00:00Z, synthetic: true }
vars:
  collect_volume: { type: boolean, default: true, flag: collect-volume }
extracts:
  listing: { use: extract/listing.ts, writes: [objects] }
models:
  bars:
    use: models/market/bars.ts
    group: market
    needs: [objects]
    tags: [nightly]
    tests:
      - unique: [symbol]
  ranks: { use: models/rankings/ranks.ts, group: rankings, needs: [bars] }
exports:
  ranks: { model: ranks, format: parquet, order_by: [rank] }
commands:
  archive:
    use: extract/commands.ts
    description: Writes and serves the archive.
    instead_of: { serve: 'say archive wait', list: 'say archive stray' }
`;

/** `archive write DIR` prints its arguments; `archive wait` ends when it is told to. */
const commandModule = `\
export default {
  define(command, io) {
    command.command('write').argument('<dir>').option('--seed <text>').action((dir, options, own) => {
      const { target } = own.optsWithGlobals();
      io.stdout.write(JSON.stringify({ dir, seed: options.seed, target }) + '\\n');
    });
    command.command('wait').action(async () => {
      io.stderr.write('waiting\\n');
      io.signal.throwIfAborted();
      const alive = setInterval(() => {}, 1000);
      await new Promise((resolve) => io.signal.addEventListener('abort', resolve));
      clearInterval(alive);
      io.signal.throwIfAborted();
    });
    command.command('hang').action(async () => {
      io.stderr.write('waiting\\n');
      await new Promise(() => setInterval(() => {}, 1000));
    });
    command.command('stray').action(async () => {
      io.stderr.write('waiting\\n');
      setTimeout(() => { throw new Error('nobody waits'); }, 1);
      await new Promise((resolve) => setTimeout(resolve, 1000));
    });
    command.command('fail').action(() => { throw new Error('out of luck'); });
  },
};
`;

/** Plain data, so that a command that needs the definition alone loads no package for it. */
const schemaModule = `\
const table = (name, ...columns) => ({
  name,
  description: '',
  key: [],
  columns: Object.fromEntries(columns.map((column) => [column, { type: 'VARCHAR', nullable: false, description: '' }])),
});
export const schema = { objects: table('objects', 'key'), bars: table('bars', 'symbol'), ranks: table('ranks', 'rank') };
`;

/** A small project of real files. */
export async function writeProject(directory: string, files: Readonly<Record<string, string>> = {}): Promise<void> {
  const all = {
    'pipeline.yaml': pipelineYaml,
    'models/schema.ts': schemaModule,
    'extract/listing.ts': '',
    'models/market/bars.ts': '',
    'models/rankings/ranks.ts': '',
    'extract/commands.ts': commandModule,
    ...files,
  };
  for (const [file, text] of Object.entries(all)) {
    await mkdir(dirname(join(directory, file)), { recursive: true });
    await writeFile(join(directory, file), text);
  }
}

/** Runs a command line in this process. */
export async function run(cwd: string, argv: readonly string[], io: Partial<MainIo> = {}) {
  const stdout = createSink();
  const stderr = createSink();
  const exitCode = await main(argv, {
    stdout: stdout.stream,
    stderr: stderr.stream,
    env: {},
    cwd,
    now: () => new Date('2026-11-20T10:30:00Z'),
    clock: () => performance.now(),
    random: () => 0.5,
    signal: new AbortController().signal,
    ...io,
  });
  return { exitCode, stdout: stdout.text(), stderr: stderr.text() };
}
