import { enableCompileCache } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Threads have a cache only where the environment names one; without it they take twice as long to start.
process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), 'node-compile-cache');
enableCompileCache();
// DuckDB runs its queries on libuv's threads, which the file system needs too; libuv reads this at their first use,
// so nothing that reads a file asynchronously may be loaded before.
process.env.UV_THREADPOOL_SIZE ??= '16';

const { main } = await import('./program.ts');
const { listenForSignals } = await import('./signals.ts');

for (const stream of [process.stdout, process.stderr]) {
  // `ls | head` closes the pipe early; that is no failure.
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

process.exitCode = await main(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  cwd: process.cwd(),
  now: () => new Date(),
  random: Math.random,
  signal: listenForSignals(process),
});
