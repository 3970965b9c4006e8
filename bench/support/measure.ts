import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const gnuTime = '/usr/bin/time';

/** The resources that a command and its children used. */
export interface Usage {
  readonly seconds: number;
  /** User and system time; NaN if GNU time is not installed. */
  readonly cpuSeconds: number;
  /** Peak of its largest process. */
  readonly peakBytes: number;
}

export interface Measured extends Usage {
  readonly stdout: string;
}

interface CommandOptions {
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** Runs a command to its end. Throws if it fails, with the end of its stderr. */
export async function measure(command: readonly string[], options: CommandOptions = {}): Promise<Measured> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-'));
  try {
    const file = join(directory, 'usage');
    const timed = existsSync(gnuTime) ? [gnuTime, '-q', '-f', '%U %S %M', '-o', file, ...command] : command;
    const started = performance.now();
    const stdout = await run(timed, options);
    const seconds = (performance.now() - started) / 1000;
    const figures = existsSync(file) ? readFileSync(file, 'utf8').trim().split(' ').map(Number) : [];
    const [user = Number.NaN, system = Number.NaN, kilobytes = Number.NaN] = figures;
    return { seconds, cpuSeconds: user + system, peakBytes: kilobytes * 1024, stdout };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Runs a command without measuring it, and returns its output. */
export function run([program = '', ...args]: readonly string[], options: CommandOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text) => (stderr = (stderr + text).slice(-4000)));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) resolve(stdout);
      else reject(new Error(`${[program, ...args].join(' ')} ended with ${code}\n${stderr}\n${stdout.slice(-2000)}`));
    });
  });
}
