import type { MainIo } from './cli.ts';

type Terminal = Pick<MainIo, 'stdin' | 'stderr' | 'signal'>;

/** Shows lines on the terminal and waits for yes or no; undefined where a person sees nothing or cannot answer. */
export function askOn({
  stdin,
  stderr,
  signal,
}: Terminal): ((lines: readonly string[]) => Promise<boolean>) | undefined {
  if (!stdin?.isTTY || !('isTTY' in stderr && stderr.isTTY)) return undefined;
  return async (lines) => {
    const { createInterface } = await import('node:readline/promises');
    for (const line of lines) stderr.write(`${line}\n`);
    // As a plain stream: in its own mode readline would take Ctrl-C away from the process.
    const reader = createInterface({ input: stdin, output: stderr, terminal: false });
    let isAnswered = false;
    const ended = Promise.withResolvers<string>();
    reader.once('close', () => {
      if (!isAnswered) stderr.write('\n');
      ended.resolve('');
    });
    try {
      const answer = await Promise.race([reader.question('Go on? [y/N] ', { signal }), ended.promise]);
      isAnswered = true;
      return /^y(es)?$/i.test(answer.trim());
    } finally {
      reader.close();
    }
  };
}
