import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import {
  type CommandIo,
  createNotes,
  defineCommand,
  type GlobalOptions,
  openContext,
  openReader,
} from '../engine/for-commands.ts';
import { countOf, formatCount, PipelineError, writeWhole } from '../engine/index.ts';
import type { Database } from '../models/schema.ts';
import { type Certificate, CertificateError, certify, describeSeries } from './certify/certificate.ts';
import { differences, readCertificate } from './certify/check.ts';
import { certificatePage, indexPage } from './certify/page.ts';
import { type SeriesFilter, selectSeries } from './certify/select.ts';

type CertifyOptions = GlobalOptions & SeriesFilter & { readonly output?: string; readonly check?: string };

/** `pnpm pipeline certify`. */
export default defineCommand({
  define(command, io) {
    command
      .option('--symbols <names>', 'comma-separated symbols, in any case (default: all)')
      .option('--instrument-type <names>', 'spot, futures-um or futures-cm; futures is futures-um (default: all)')
      .option('--timeframes <names>', 'such as 1h,1d (default: all)')
      .option('--output <dir>', 'folder for the certificates (default: artifacts/certificates of the target)')
      .option(
        '--check <path>',
        'compare a certificate, or all certificates of a folder, with the warehouse; exits with 1 if they differ',
      )
      .addHelpText(
        'after',
        [
          '',
          'Examples:',
          '  pnpm pipeline certify',
          '  pnpm pipeline certify --symbols BTCUSDT,ETHUSDT --timeframes 1d --output certificates',
          '  pnpm pipeline certify --check certificates/futures-um/1d/BTCUSDT.json',
          '  pnpm pipeline certify --check certificates',
        ].join('\n'),
      )
      .action(async (_: unknown, ran: Command) => {
        const options = ran.optsWithGlobals<CertifyOptions>();
        await (options.check === undefined ? writeAll(io, options) : checkAll(io, options, options.check));
      });
  },
});

async function writeAll(io: CommandIo, options: CertifyOptions): Promise<void> {
  const note = createNotes(io, options);
  const { pipeline, target, paths } = await openContext(io, options);
  const directory =
    options.output === undefined ? join(paths.artifacts, 'certificates') : resolve(io.cwd, options.output);
  await using reader = await openReader<Database>({
    warehouse: paths.warehouse,
    root: pipeline.root,
    signal: io.signal,
  });
  note(`target ${target.name}${target.synthetic ? ' (synthetic data)' : ''}`);
  const written: { file: string; certificate: Certificate }[] = [];
  for (const name of await selectSeries(reader, options)) {
    io.signal.throwIfAborted();
    const certificate = await certify(reader, name, { synthetic: target.synthetic });
    const stem = join(name.instrument_type, name.timeframe, name.symbol);
    writeWhole(join(directory, `${stem}.json`), `${JSON.stringify(certificate, undefined, 2)}\n`);
    writeWhole(join(directory, `${stem}.md`), certificatePage(certificate));
    // The index does not need the lists, which are long for thousands of series.
    written.push({ file: `${stem}.md`, certificate: { ...certificate, gaps: [], archives: [] } });
    const { rows, missing, digest } = certificate;
    io.stdout.write(`${describeSeries(name)}: ${countOf(rows, 'row')}, ${formatCount(missing)} missing, ${digest}\n`);
  }
  writeWhole(join(directory, 'index.md'), indexPage(written));
  note(`${countOf(written.length, 'certificate')} in ${directory}; start with index.md`);
}

/** Prints a line for each certificate. All of them are compared before the command fails. */
async function checkAll(io: CommandIo, options: CertifyOptions, path: string): Promise<void> {
  if (options.output !== undefined) {
    throw new PipelineError('USAGE', '--check writes nothing, so it cannot be combined with --output', {
      key: '--output',
    });
  }
  const note = createNotes(io, options);
  const files = await certificatesOf(resolve(io.cwd, path));
  const { pipeline, target, paths } = await openContext(io, options);
  note(`target ${target.name}${target.synthetic ? ' (synthetic data)' : ''}`);
  await using reader = await openReader<Database>({
    warehouse: paths.warehouse,
    root: pipeline.root,
    signal: io.signal,
  });
  const differ: string[] = [];
  for (const file of files) {
    io.signal.throwIfAborted();
    const claimed = await readCertificate(file);
    const series = describeSeries(claimed);
    const found = await differences(reader, claimed).catch((error: unknown) => {
      // A series that no longer exists, or whose gaps were never built, is a difference like any other.
      if (error instanceof PipelineError && ['CERTIFICATE_DIFFERS', 'TABLE_MISSING'].includes(error.code))
        return [error.message];
      throw error;
    });
    if (found.length === 0) io.stdout.write(`${series}: the certificate holds, ${countOf(claimed.rows, 'row')}\n`);
    else {
      io.stdout.write(`${series}: differs\n`);
      differ.push(`  ${series}, ${file}:\n${found.map((line) => `    ${line}`).join('\n')}`);
    }
  }
  if (differ.length === 0) return;
  throw new CertificateError(
    'CERTIFICATE_DIFFERS',
    `the warehouse differs from ${differ.length} of ${files.length} certificates:\n${differ.join('\n')}`,
    { hint: 'if the archive was re-issued, certify again; otherwise restore the warehouse' },
  );
}

/** Returns the file itself, or every .json below a folder. */
async function certificatesOf(path: string): Promise<readonly string[]> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isDirectory()) return [path];
  const names = (await readdir(path, { recursive: true })).filter((name) => name.endsWith('.json')).sort();
  if (names.length > 0) return names.map((name) => join(path, name));
  throw new PipelineError('USAGE', 'the folder contains no certificates', { file: path, key: '--check' });
}
