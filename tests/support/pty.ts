import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** Runs a program in a pseudo-terminal and copies its output to stdout; sends Ctrl-C when the expected text appears. */
const inTerminal = `
import fcntl, os, pty, struct, sys, termios
columns, wait, closes, program = int(sys.argv[1]), sys.argv[2].encode(), sys.argv[3] == 'close', sys.argv[4:]
child, terminal = pty.fork()
if child == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 50, columns, 0, 0))
    os.execv(program[0], program)
seen = b''
while True:
    try:
        data = os.read(terminal, 65536)
    except OSError:
        break
    if not data:
        break
    seen += data
    sys.stdout.buffer.write(data)
    if wait and wait in seen:
        wait = b''
        if closes:
            os.close(terminal)
            break
        os.write(terminal, b'\\x03')
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
`;

export const canUsePty = spawnSync('python3', ['-c', 'import pty, os; os.waitstatus_to_exitcode']).status === 0;

/** Part of the name of a test that is skipped without a terminal. */
export const needsPty = canUsePty ? '' : ' (skipped: python3 with its module pty is not here)';

export interface PtyResult {
  readonly exitCode: number | null;
  /** With all control characters. */
  readonly output: string;
}

export async function runInTerminal(
  program: readonly [string, ...string[]],
  options: {
    readonly columns: number;
    readonly cwd: string;
    readonly env?: Readonly<Record<string, string>>;
    /** Press Ctrl-C once this text has appeared. */
    readonly interruptAt?: string;
    /** Close the terminal once this text has appeared. */
    readonly closeAt?: string;
  },
): Promise<PtyResult> {
  const { columns, cwd, env = {}, interruptAt = '', closeAt } = options;
  const end = closeAt === undefined ? [interruptAt, 'interrupt'] : [closeAt, 'close'];
  const child = spawn('python3', ['-c', inTerminal, String(columns), ...end, ...program], {
    cwd,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, TERM: 'xterm-256color', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text) => (output += text));
  const [exitCode] = (await once(child, 'close')) as [number | null];
  return { exitCode, output };
}
