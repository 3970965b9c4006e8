/**
 * Starts a module of the project: `node engine/start.js engine/cli/main.ts run`. It is JavaScript that an old Node can
 * parse: there it starts itself again with the Node 24 that the package `node` brings, by an install script.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import process, { argv, exit, stderr, versions } from 'node:process';
import { fileURLToPath, pathToFileURL } from 'node:url';

const needed = 24;

/** @type {(code: string, message: string, next: string) => never} */
function end(code, message, next) {
  stderr.write(`error [${code}] ${message}\n  next: ${next}\n`);
  exit(2);
}

/** The folder of the package `node`; undefined if it is not installed. */
function bundledNode() {
  try {
    return dirname(createRequire(import.meta.url).resolve('node/package.json'));
  } catch {
    return undefined;
  }
}

/** Runs the same command line with another Node, passes signals on, and ends as it ends. */
function startWith(node) {
  let child;
  // First, so that none comes in between and leaves the child alone.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child?.kill(signal));
  child = spawn(node, [fileURLToPath(import.meta.url), ...argv.slice(2)], { stdio: 'inherit' });
  child.on('error', (error) => end('NODE_OUTDATED', error.message, 'run npx -y pnpm@10 install'));
  child.on('exit', (code, signal) => exit(code ?? 128 + constants.signals[signal]));
}

async function start() {
  const [module] = argv.splice(2, 1);
  argv[1] = resolve(module);
  try {
    await import(pathToFileURL(argv[1]).href);
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND' || argv.includes('--debug')) throw error;
    end('INTERNAL', error.message, 'run npx -y pnpm@10 install; where that does not help, run again with --debug');
  }
}

if (Number(versions.node.split('.')[0]) >= needed) {
  await start();
} else {
  const outdated = `Node ${needed} is required, but this is Node ${versions.node}`;
  const bundled = bundledNode();
  if (bundled === undefined) {
    end('NODE_OUTDATED', `${outdated}: the packages are not installed`, 'run npx -y pnpm@10 install');
  }
  const node = join(bundled, 'bin/node');
  if (!existsSync(node)) {
    end(
      'NODE_OUTDATED',
      `${outdated}: the package \`node\`, which provides it, was installed without its install script`,
      `run npm_config_ignore_scripts=false npx -y pnpm@10 rebuild node, or install Node ${needed}`,
    );
  }
  startWith(node);
}
