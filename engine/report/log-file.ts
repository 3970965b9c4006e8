import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Reporter } from '../events.ts';
import type { Clock } from './clock.ts';
import { createLineReporter } from './lines.ts';

/**
 * The whole log of a run, debug lines included, in the file that `run_started` names. Lines are written as they come,
 * so a killed run leaves all of them. A log that cannot be written stops the log, never the run: `onFailure` hears of it once.
 */
export function createLogFileReporter(options: {
  readonly title: string;
  readonly clock: Clock;
  readonly onFailure: (message: string) => void;
}): Reporter {
  const { title, clock, onFailure } = options;
  let file: number | undefined;

  function attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (file !== undefined) closeSync(file);
      file = undefined;
      onFailure(`the log of this run ends here: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  const lines = createLineReporter({
    title,
    clock,
    debug: true,
    write(line) {
      const stamp = `${new Date(clock.now()).toISOString()} `;
      attempt(() => {
        if (file !== undefined) writeSync(file, `${stamp}${line.replaceAll('\n', `\n${' '.repeat(stamp.length)}`)}\n`);
      });
    },
  });

  return {
    report(event) {
      if (event.type === 'run_started') {
        attempt(() => {
          mkdirSync(dirname(event.logFile), { recursive: true });
          file = openSync(event.logFile, 'a', 0o600);
        });
      }
      lines.report(event);
    },
    async close() {
      await lines.close();
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}
