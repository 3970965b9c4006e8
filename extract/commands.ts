import { resolve } from 'node:path';
import type { Command } from 'commander';
import {
  type CommandIo,
  defineCommand,
  type GlobalOptions,
  openContext,
  resolveOutput,
  sourcesLock,
  writeText,
} from '../engine/for-commands.ts';
import { countOf, formatBytes, formatCount, PipelineError, parseInstant } from '../engine/index.ts';
import { createDirectoryStore, directoryOf } from './archive/directory-store.ts';
import { serveStore } from './archive/server.ts';
import { SourceError } from './failure.ts';
import { defaultAsOf } from './sample/cases.ts';
import { createSampleStore, defaultSeed } from './sample/sample-store.ts';
import { writeArchive } from './sample/write-archive.ts';
import { formatLock, lockedAs } from './sources-lock.ts';
import { Ledger } from './staging/ledger.ts';
import { formatReason } from './verify/reason.ts';
import { verifyDirectory } from './verify/verify-directory.ts';

const progressEvery = 15_000;

/** The commands `pnpm pipeline archive write|serve|verify|lock`. */
export default defineCommand({
  define(command, io) {
    command
      .command('write')
      .description('Writes the built-in sample archive as files, as published by a given time.')
      .argument('<directory>', 'a new or empty folder, or one that this command has created')
      .option('--as-of <time>', 'write only what is published by this time, UTC', defaultAsOf)
      .option('--seed <text>', 'generate different prices and volumes for the same symbols and cases')
      .action((directory: string, options: { asOf: string; seed?: string }) => write(io, directory, options));
    command
      .command('serve')
      .description("Serves a folder in the archive's layout over HTTP, including listings, until it is stopped.")
      .argument('<directory>', 'the folder that contains data/')
      .option('--port <n>', 'port on the loopback address; 0 chooses a free one', '0')
      .action((directory: string, options: { port: string }) => serve(io, directory, options));
    command
      .command('verify')
      .description(
        'Checks the CHECKSUM, zip structure, CRC-32 and all lines of every archive in a folder. Prints the bad ones.',
      )
      .argument('<directory>', 'the folder that contains data/')
      .action((directory: string) => verify(io, directory));
    command
      .command('lock')
      .description('Writes a list of the archives that the target is built from, for run --locked.')
      .option('--output <file>', 'default: sources.lock next to pipeline.yaml')
      .action((_, own: Command) => lock(io, own.optsWithGlobals()));
  },
});

async function verify(io: CommandIo, directory: string): Promise<void> {
  const root = await directoryOf(resolve(io.cwd, directory)).catch((error: PipelineError) => {
    throw new PipelineError('USAGE', error.message, { value: directory, hint: 'name the folder that contains data/' });
  });
  const startedAt = io.now().getTime();
  let saidAt = startedAt;
  const report = await verifyDirectory(root, {
    signal: io.signal,
    onBad: (key, why) => io.stdout.write(`${key}: ${formatReason(why)}\n`),
    onProgress({ done, total }) {
      const now = io.now().getTime();
      if (now - saidAt < progressEvery) return;
      saidAt = now;
      io.stderr.write(
        `[${Math.round((now - startedAt) / 1000)}s] ${formatCount(done)}/${formatCount(total)} archives\n`,
      );
    },
  });
  const { ok, bad, without_checksum: without, skipped } = report;
  const others =
    skipped === 0 ? '' : `, ${countOf(skipped, 'zip is not a kline archive', 'zips are not kline archives')}`;
  const summary = `${formatCount(ok)} ok, ${formatCount(bad)} bad, ${formatCount(without)} without CHECKSUM${others}`;
  io.stdout.write(`${summary}\n`);
  if (bad === 0) return;
  throw new SourceError(
    'OBJECT_REJECTED',
    `${countOf(bad, `archive of ${directory} is bad`, `archives of ${directory} are bad`)}`,
    {
      hint: 'download the bad archives again from the original source',
    },
  );
}

const progressLine = (io: CommandIo, done: number, bytes: number) =>
  io.stderr.write(`${countOf(done, 'file')}, ${formatBytes(bytes)}\n`);

async function write(io: CommandIo, directory: string, options: { asOf: string; seed?: string }): Promise<void> {
  const asOf = parseInstant(options.asOf);
  if (asOf === undefined) {
    throw new PipelineError('USAGE', `--as-of must be a UTC date or time, not \`${options.asOf}\``, {
      key: '--as-of',
      value: options.asOf,
      hint: 'write it as 2025-07-10 or 2025-07-10T09:00:00Z',
    });
  }
  const { seed = defaultSeed } = options;
  const store = createSampleStore({ asOf, seed });
  const { files, bytes } = await writeArchive(store, resolve(io.cwd, directory), {
    seed,
    signal: io.signal,
    progress: ({ done, bytes: written = 0 }) => {
      if (done % 10_000 === 0) progressLine(io, done, written);
    },
  });
  io.stdout.write(`${directory}: ${countOf(files, 'file')}, ${formatBytes(bytes)}, synthetic\n`);
}

async function serve(io: CommandIo, directory: string, options: { port: string }): Promise<void> {
  const port = portOf(options.port);
  const store = await createDirectoryStore(await directoryOf(resolve(io.cwd, directory)));
  await using server = await serveStore(store, { port, signal: io.signal }).catch((cause: NodeJS.ErrnoException) => {
    if (cause.syscall !== 'listen') throw cause;
    throw new PipelineError('USAGE', `cannot listen on port ${port}: ${cause.code}`, {
      key: '--port',
      value: options.port,
      hint: 'choose another port, or 0 for a free one',
      cause,
    });
  });
  io.stdout.write(`${server.url}\n`);
  io.stderr.write(`serving ${directory}; PIPELINE_ARCHIVE_URL=${server.url} pnpm pipeline run --target mirror\n`);
  await new Promise((stopped) => io.signal.addEventListener('abort', stopped, { once: true }));
}

const largestPort = 65_535;

function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= largestPort) return port;
  throw new PipelineError('USAGE', `--port must be a number from 0 to ${largestPort}, got \`${text}\``, {
    key: '--port',
    value: text,
    hint: 'choose a port, or 0 for a free one',
  });
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
      `${countOf(open, 'archive could not be fetched and is left out', 'archives could not be fetched and are left out')}\n`,
    );
  const [file, notes] = to.kind === 'stdout' ? ['stdout', io.stderr] : [to.file, io.stdout];
  notes.write(`${file}: ${countOf(archives.length, 'archive')} of target ${target.name}\n`);
}
