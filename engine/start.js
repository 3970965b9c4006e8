/**
 * Starts a module of the project: `node engine/start.js engine/cli/main.ts run`. It is JavaScript that an old Node can
 * parse, so that it can report a missing Node 24, which the install script of the package `node` downloads.
 */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { argv, exit, stderr, versions } from 'node:process';
import { pathToFileURL } from 'node:url';

const needed = 24;
const modules = join(import.meta.dirname ?? new URL('.', import.meta.url).pathname, '../node_modules');

/** @type {(code: string, message: string, next: string) => never} */
function end(code, message, next) {
  stderr.write(`error [${code}] ${message}\n  next: ${next}\n`);
  exit(2);
}

if (Number(versions.node.split('.')[0]) < needed) {
  const outdated = `Node ${needed} is required, but this is Node ${versions.node}`;
  if (existsSync(join(modules, 'node/bin/node'))) {
    end('NODE_OUTDATED', outdated, 'start it through pnpm, which uses the Node of the project: pnpm pipeline …');
  }
  if (existsSync(join(modules, 'node'))) {
    end(
      'NODE_OUTDATED',
      `${outdated}: the package \`node\`, which provides it, was installed without its install script`,
      `run npm_config_ignore_scripts=false npx -y pnpm@10 rebuild node, or install Node ${needed}`,
    );
  }
  end('NODE_OUTDATED', `${outdated}: the packages are not installed`, 'run npx -y pnpm@10 install');
}

const [module] = argv.splice(2, 1);
argv[1] = resolve(module);
try {
  await import(pathToFileURL(argv[1]).href);
} catch (error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND' || argv.includes('--debug')) throw error;
  end('INTERNAL', error.message, 'run npx -y pnpm@10 install; if that does not help, run again with --debug');
}
