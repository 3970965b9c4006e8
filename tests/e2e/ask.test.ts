import { PassThrough } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { MainIo } from '../../engine/cli/io.ts';
import { main } from '../../engine/cli/program.ts';
import { smallArchive, writeSmallArchive } from '../support/archive.ts';
import { scratchProject } from '../support/scratch.ts';
import { serveArchive } from '../support/serve.ts';

/** A stream that acts as a terminal: for output that a person looks at, and for input that they type. */
const terminal = () => Object.assign(new PassThrough(), { isTTY: true, columns: 150, rows: 50 });

async function start() {
  const project = await scratchProject();
  await project.edit('pipeline.yaml', 'http://127.0.0.1:8080 }', 'http://127.0.0.1:8080, ask_above: 1 kB }');
  const { directory } = await writeSmallArchive(project.root, {
    symbols: ['BTCUSDT'],
    days: smallArchive.days.slice(40),
  });
  const server = await serveArchive(directory);

  /** Types `answer` at the question; `null` closes the input, and an abort is Ctrl-C. */
  async function run(answer: string | null | AbortController | undefined, ...args: readonly string[]) {
    const [stdin, stderr, stdout] = [terminal(), terminal(), new PassThrough()];
    let shown = '';
    stderr.on('data', (chunk) => {
      const text = stripVTControlCharacters(String(chunk));
      shown += text;
      if (!text.includes('Continue?')) return;
      if (answer instanceof AbortController) answer.abort();
      else if (answer === null) stdin.end();
      else stdin.write(`${answer}\n`);
    });
    let printed = '';
    stdout.on('data', (chunk) => (printed += chunk));
    const command = ['run', '--select', '+ohlcv', '--target', 'mirror', '--as-of', smallArchive.asOf, ...args];
    const exitCode = await main([...command, '--data-dir', project.dataDir, '--var', 'availability_timeframe=1d'], {
      ...{ stdout, stderr: stderr as unknown as NodeJS.WriteStream, cwd: project.root },
      ...(answer !== undefined && { stdin: stdin as unknown as NonNullable<MainIo['stdin']> }),
      env: { PIPELINE_ARCHIVE_URL: server.url },
      now: () => new Date(),
      clock: () => performance.now(),
      random: Math.random,
      signal: answer instanceof AbortController ? answer.signal : new AbortController().signal,
    });
    const fetched = server.requests().filter((path) => path.endsWith('.zip')).length;
    return { exitCode, shown, printed, fetched };
  }
  return { run, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const question =
  /klines would fetch 9 files, [\d.]+ kB, from http:.*\n +time: unknown.*\n +disk: about 36\.9 kB staged, .* free in /;

describe('a run above ask_above', () => {
  test.each(['', 'n', 'nope', null])(
    'is not fetched if the answer is %j; the next run asks again and continues',
    async (answer) => {
      await using it = await start();
      const refused = await it.run(answer);
      expect(refused).toMatchObject({ exitCode: 2, fetched: 0 });
      expect(refused.shown).toMatch(question);
      expect(refused.printed).toContain('[NOT_CONFIRMED]');
      expect(refused.printed).toContain('the answer was no');
      expect(await it.run('y')).toMatchObject({ exitCode: 0, fetched: 9 });
    },
  );

  test('ends with 130 at Ctrl-C during the question, with nothing fetched', async () => {
    await using it = await start();
    expect(await it.run(new AbortController())).toMatchObject({ exitCode: 130, fetched: 0 });
  });

  test('is fetched after a yes, with its progress below the question', async () => {
    await using it = await start();
    const { exitCode, fetched, shown } = await it.run('Yes');
    expect({ exitCode, fetched }).toEqual({ exitCode: 0, fetched: 9 });
    expect(shown.slice(shown.indexOf('Continue?'))).toMatch(/✔ extract klines +9 new/);
  });

  test('is fetched with --yes, which prints the size instead of asking', async () => {
    await using it = await start();
    const { exitCode, fetched, shown } = await it.run(undefined, '--yes');
    expect({ exitCode, fetched }).toEqual({ exitCode: 0, fetched: 9 });
    expect(shown).not.toContain('Continue?');
    expect(shown).toContain('klines would fetch 9 files');
  });

  test('ends with 2 without a terminal, names --yes, and fetches nothing', async () => {
    await using it = await start();
    const { exitCode, fetched, printed } = await it.run(undefined);
    expect({ exitCode, fetched }).toEqual({ exitCode: 2, fetched: 0 });
    expect(printed).toMatch(/NOT_CONFIRMED.*there is no terminal to ask on\n.*confirm with --yes/);
  });

  test('asks nothing if there is nothing to fetch', async () => {
    await using it = await start();
    await it.run('y');
    expect(await it.run(undefined)).toMatchObject({ exitCode: 0, fetched: 0 });
  });
});
