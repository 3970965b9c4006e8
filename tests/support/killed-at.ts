import { once } from 'node:events';
import { node } from './node-process.ts';

/**
 * Runs a module's text in a process that kills itself with SIGKILL instead of making its change number `step` (from 0)
 * to a file whose path matches `files`; a copy is killed halfway. Returns true if it was killed, so that a test can try
 * all steps.
 */
export async function killedAt(step: number, files: RegExp, script: string): Promise<boolean> {
  const child = node(`
    import fs from 'node:fs/promises';
    import { readFileSync, writeFileSync } from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    let left = ${step};
    for (const name of ['copyFile', 'rename', 'rm']) {
      const real = fs[name];
      fs[name] = async (...args) => {
        if (!${files}.test(args[0]) || left-- > 0) return real(...args);
        if (name === 'copyFile') {
          const bytes = readFileSync(args[0]);
          writeFileSync(args[1], bytes.subarray(0, bytes.length / 2));
        }
        process.kill(process.pid, 'SIGKILL');
        return new Promise(() => {});
      };
    }
    syncBuiltinESMExports();
    ${script}`);
  const [code, signal] = await once(child, 'close');
  if (signal === 'SIGKILL') return true;
  if (code === 0) return false;
  throw new Error(`the process ended with ${code}`);
}
