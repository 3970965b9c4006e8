import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { formatError } from '../errors.ts';
import { dispatch, type EventTable, type NodeRef, type Reporter } from '../events.ts';
import { countOf, formatDuration } from '../format.ts';
import type { Clock } from './clock.ts';
import { firstLine, headline, nodeLabel, showsChange, statusWord, unchangedLine } from './node-text.ts';
import { createMeter, type Meter, progressLine } from './progress.ts';

const progressEvery = 15_000;
const dotsUpTo = 72;
/** A narrower terminal has no room for dots. */
const widthOfDots = 100;

interface Running {
  readonly index: number;
  readonly startedAt: number;
  readonly meter: Meter;
  readonly stop: () => void;
}

/**
 * Writes a line when a node starts and ends, and every 15 s while it runs. It serves runs without a terminal and, with
 * `debug`, the log file.
 */
export function createLineReporter(options: {
  readonly title: string;
  readonly write: (line: string) => void;
  readonly clock: Clock;
  /** Also shows debug messages and complete errors. */
  readonly debug: boolean;
  /** Holds lines back until something changes in the run. */
  readonly isShort?: boolean;
  /** Columns of the terminal. */
  readonly width?: number;
}): Reporter {
  const { title, write, clock, debug, isShort = false, width = Number.POSITIVE_INFINITY } = options;
  let held: string[] | undefined = isShort ? [] : undefined;
  const warned: NodeRef[] = [];
  let acknowledged = 0;
  const say = (text: string): void => void (held === undefined ? write(text) : held.push(text));
  const release = (): void => {
    for (const text of held ?? []) write(text);
    held = undefined;
  };
  const running = new Map<string, Running>();
  let isFinished = false;
  let total = 0;
  let shown = 0;

  const line = (index: number, word: string, node: NodeRef, rest: string) => {
    const left = `${String(index).padStart(String(total).length)} of ${total} ${word} ${nodeLabel(node)} `;
    return width < widthOfDots ? `${left}[${rest}]` : `${left.padEnd(dotsUpTo, '.')}... [${rest}]`;
  };

  function progress(node: NodeRef, { startedAt, meter }: Running): void {
    const seconds = (clock.now() - startedAt) / 1000;
    // The node is named only if it is not obvious.
    const whose = running.size > 1 || held !== undefined ? ` · ${nodeLabel(node)}` : '';
    write(
      meter.latest === undefined
        ? `[${Math.round(seconds)}s] Progress: ${nodeLabel(node)} is running`
        : progressLine(meter.latest, seconds) + whose,
    );
  }

  const table: EventTable = {
    run_started(event) {
      total = event.nodes.length;
      write(headline(title, event));
      say(`${countOf(total, 'node')}, log: ${event.logFile}`);
    },
    node_started({ node }) {
      shown += 1;
      const entry: Running = {
        index: shown,
        startedAt: clock.now(),
        meter: createMeter(clock.now),
        stop: clock.every(progressEvery, () => progress(node, entry)),
      };
      running.set(node.id, entry);
      say(line(shown, 'START', node, 'RUN'));
    },
    node_progress: ({ node, progress }) => running.get(node.id)?.meter.update(progress),
    node_finished({ node, status, seconds, message, error, acknowledged: own = 0 }) {
      acknowledged += own;
      const entry = running.get(node.id);
      entry?.stop();
      running.delete(node.id);
      if (entry === undefined) shown += 1;
      const rest = status === 'skip' ? firstLine(message) : `${firstLine(message)} in ${formatDuration(seconds, 2)}`;
      say(line(entry?.index ?? shown, statusWord(node, status), node, rest));
      if (status === 'warn') warned.push(node);
      if (debug && status === 'error' && error !== undefined) say(formatError(error, { debug }));
    },
    log({ level, message, node }) {
      if (level === 'debug' && !debug) return;
      const whose = node === undefined ? '' : `${nodeLabel(node)}: `;
      say(`${level === 'info' ? '' : `${level.toUpperCase()} `}${whose}${message}`);
    },
    run_finished(event) {
      const after = `${event.interrupted ? 'Interrupted' : 'Finished'} after ${formatDuration(event.seconds)}`;
      if (held === undefined) write(after);
      else write(unchangedLine(event, warned, acknowledged));
      isFinished = true;
    },
  };

  return {
    report(event) {
      if (showsChange(event)) release();
      dispatch(table, event);
    },
    async close() {
      if (!isFinished) release();
      for (const { stop } of running.values()) stop();
      running.clear();
    },
  };
}

/**
 * Writes the complete log of a run, including debug lines, to the file that `run_started` names. Lines are written at
 * once, so a killed run leaves all of them. If the log cannot be written, it ends and `onFailure` is called once; the
 * run continues.
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
