import { existsSync } from 'node:fs';
import { cp, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import type { Command } from 'commander';
import { about } from '../../about.ts';
import { PipelineError } from '../../errors.ts';
import { machineFault } from '../../machine-fault.ts';
import type { Cli } from '../io.ts';
import { addExamples } from '../options.ts';

export function defineInit(program: Command, cli: Cli): void {
  const command = program
    .command('init')
    .description('Writes a small project that runs, as a start of your own.')
    .argument('<dir>', 'a new or an empty folder')
    .option('--package <spec>', `where npm gets ${about.name}: a version, a tarball, a folder`, `^${about.version}`)
    .action((dir: string, options: { readonly package: string }) => init(cli, dir, options.package));
  addExamples(command, 'init shop');
}

async function init(cli: Cli, dir: string, spec: string): Promise<void> {
  const folder = resolve(cli.cwd, dir);
  await expectEmpty(folder, dir);
  const template = new URL('../../../template', import.meta.url);
  await cp(template, folder, { recursive: true }).catch((error: Error) => {
    throw machineFault(error, folder);
  });
  // npm would take a .gitignore in the template for one of its own, and leave files out of the package.
  await rename(join(folder, 'gitignore'), join(folder, '.gitignore'));

  const name = nameOf(folder);
  const read = (file: string) => readFile(join(folder, file), 'utf8');
  const manifest = JSON.parse(await read('package.json'));
  const file = resolve(cli.cwd, spec);
  const dependencies = { ...manifest.dependencies, [about.name]: existsSync(file) ? `file:${file}` : spec };
  await writeFile(join(folder, 'package.json'), `${JSON.stringify({ ...manifest, name, dependencies }, null, 2)}\n`);
  for (const one of ['pipeline.yaml', 'README.md'])
    await writeFile(join(folder, one), (await read(one)).replace(manifest.name, name));

  cli.print(`wrote ${folder}`);
  cli.print(`next: cd ${shellWord(relative(cli.cwd, folder) || '.')} && npm install && npx ${about.name} run`);
}

/** A path as a shell reads it. */
const shellWord = (text: string): string => (/^[\w./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** @throws PipelineError USAGE for a folder with files, or a file */
async function expectEmpty(folder: string, dir: string): Promise<void> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    if (error.code === 'ENOTDIR') return undefined;
    throw machineFault(error, folder);
  });
  if (names?.length === 0) return;
  throw new PipelineError('USAGE', `${dir} is ${names === undefined ? 'a file' : 'not empty'}`, {
    file: folder,
    hint: 'name a new or an empty folder',
  });
}

/** A name that npm and pipeline.yaml both accept. */
const nameOf = (folder: string): string =>
  basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '') || 'project';
