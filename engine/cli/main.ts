import { enableCompileCache } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

// Threads use a cache only if the environment names it; without one they take twice as long to start.
process.env.NODE_COMPILE_CACHE ??= join(tmpdir(), 'node-compile-cache');
enableCompileCache();
// DuckDB runs its queries on libuv's threads, which the file system needs too; libuv reads this at their first use,
// so nothing that reads a file asynchronously may be loaded before.
process.env.UV_THREADPOOL_SIZE ??= '16';

const { main } = await import('./program.ts');
const { reportFailure } = await import('./failure.ts');
const { listenForSignals } = await import('./io.ts');

const streams = { stdin: process.stdin, stdout: process.stdout, stderr: process.stderr };
for (const [name, stream] of Object.entries(streams)) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // A closed terminal causes EIO; only pnpm may have received its signal.
    if (error.code === 'EIO') process.emit('SIGHUP');
    // `ls | head` closes the pipe early; that is not a failure.
    else if (error.code !== 'EPIPE') throw Object.assign(error, { path: name });
  });
}

const argv = process.argv.slice(2);
const io = {
  ...streams,
  env: process.env,
  cwd: process.cwd(),
  now: () => new Date(),
  clock: () => performance.now(),
  random: Math.random,
  signal: listenForSignals(process),
};
// Errors that no command was waiting for, such as an unhandled rejection.
process.on('uncaughtException', (error) => process.exit(reportFailure(error, { ...io, argv })));
process.exitCode = await main(argv, io);
