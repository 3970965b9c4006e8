import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { promisify } from 'node:util';
import { main } from '../../engine/cli/program.ts';
import { sharedDir, tempDir } from './temp.ts';

export const root = join(import.meta.dirname, '../..');

export interface PipelineOptions {
  /** Replaces or adds variables; the caller's own `PIPELINE_…` are never passed on. */
  readonly env?: Readonly<Record<string, string>>;
  readonly dataDir?: string;
  readonly cwd?: string;
}

export interface PipelineResult {
  /** `null` if a signal ended it. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly ms: number;
}

export interface RunningPipeline {
  readonly child: ChildProcess;
  readonly result: Promise<PipelineResult>;
  /** Resolves at the first line of stderr that matches, or when the process ends. */
  line(fits: (line: string) => boolean): Promise<void>;
}

const ownVariable = /^(PIPELINE_|VITEST|NODE_OPTIONS$|NODE_V8_COVERAGE$|SOURCE_DATE_EPOCH$|TZ$)/;
const inherited = (): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => !ownVariable.test(name)));

/** Starts the CLI as a separate process, without a terminal. */
export function startPipeline(args: readonly string[], options: PipelineOptions = {}): RunningPipeline {
  const started = performance.now();
  const output = { stdout: '', stderr: '' };
  const dataDir = options.dataDir === undefined ? [] : ['--data-dir', options.dataDir];
  const child = spawn(
    join(root, 'node_modules/node/bin/node'),
    [join(root, 'engine/cli/main.ts'), ...args, ...dataDir],
    {
      cwd: options.cwd ?? root,
      env: { ...inherited(), ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  child.stdout.setEncoding('utf8').on('data', (text) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text) => (output.stderr += text));
  const lines = createInterface(child.stderr);
  const result = new Promise<PipelineResult>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, ...output, ms: performance.now() - started }));
  });
  return {
    child,
    result,
    line: (fits) =>
      new Promise((resolve) => {
        lines.on('line', (line) => fits(line) && resolve());
        result.then(() => resolve(), resolve);
      }),
  };
}

/** Runs the CLI as a separate process. */
export const pipeline = (args: readonly string[], options?: PipelineOptions): Promise<PipelineResult> =>
  startPipeline(args, options).result;

/** Runs the CLI in this process, where coverage sees it. Use `pipeline` only where a separate process is needed. */
export async function pipelineInProcess(
  args: readonly string[],
  { env = {}, dataDir, cwd = root }: PipelineOptions = {},
): Promise<PipelineResult> {
  const started = performance.now();
  const output = { stdout: '', stderr: '' };
  const into = (name: keyof typeof output) =>
    new Writable({
      decodeStrings: false,
      write(text, _, done) {
        output[name] += text;
        done();
      },
    });
  const exitCode = await main([...args, ...(dataDir === undefined ? [] : ['--data-dir', dataDir])], {
    stdout: into('stdout'),
    stderr: into('stderr'),
    env: { ...inherited(), ...env },
    cwd,
    now: () => new Date(),
    clock: () => performance.now(),
    random: Math.random,
    signal: new AbortController().signal,
  });
  return { exitCode, ...output, ms: performance.now() - started };
}

async function expectDone(args: readonly string[], dataDir?: string): Promise<void> {
  const { exitCode, stdout, stderr } = await pipelineInProcess(args, { ...(dataDir !== undefined && { dataDir }) });
  if (exitCode !== 0) throw new Error(`${args.join(' ')} failed: ${stdout}\n${stderr}`);
}

/** The sample archive as files, written once per test run; read only. */
export const writtenSample = (): Promise<string> =>
  sharedDir('written-sample', (directory) => expectDone(['archive', 'write', directory]));

/** A data folder as `run` leaves it for the sample: built once per test run, and copied for each caller. */
export async function builtSample(): Promise<string> {
  const built = await sharedDir('built-sample', (directory) => expectDone(['run'], directory));
  const dataDir = await tempDir('sample-');
  await promisify(execFile)('cp', ['-pR', `${built}/.`, dataDir]);
  return dataDir;
}
