import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { root } from './pipeline.ts';

/** Runs a module's text as a process in the root of the repository, so that `import … from './engine/…'` works. */
export function node(
  script: string,
  options: {
    readonly env?: Readonly<Record<string, string>>;
    readonly args?: readonly string[];
    readonly uid?: number;
  } = {},
): ChildProcess {
  const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...inherited } = process.env;
  return spawn(process.execPath, ['--input-type=module', '--eval', script, ...(options.args ?? [])], {
    cwd: root,
    env: { ...inherited, ...options.env },
    stdio: ['pipe', 'pipe', 'inherit'],
    ...(options.uid !== undefined && { uid: options.uid }),
  });
}

/** Everything that a process writes to stdout until it ends. */
export async function outputOf(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk) => {
    text += chunk;
  });
  await once(child, 'close');
  return text;
}
