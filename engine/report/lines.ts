import { formatError } from '../errors.ts';
import type { NodeRef, Reporter } from '../events.ts';
import { countOf, formatDuration } from '../format.ts';
import type { Clock } from './clock.ts';
import { dispatch, type EventTable } from './event-table.ts';
import { createMeter, type Meter } from './meter.ts';
import { firstLine, headline, nodeLabel, statusWord } from './node-text.ts';
import { progressLine } from './progress-text.ts';
import { showsChange, unchangedLine } from './unchanged.ts';

const progressEvery = 15_000;
const dotsUpTo = 72;
/** A terminal with less has no room for dots. */
const widthOfDots = 100;

interface Running {
  readonly index: number;
  readonly startedAt: number;
  readonly meter: Meter;
  readonly stop: () => void;
}

/**
 * A line when a node starts and ends, and one every 15 s while it runs: what a run without a terminal prints, and,
 * with `debug`, its log file.
 */
export function createLineReporter(options: {
  readonly title: string;
  readonly write: (line: string) => void;
  readonly clock: Clock;
  /** Shows debug messages and whole errors too. */
  readonly debug: boolean;
  /** Holds back what is said of a run in which nothing changes, until something does. */
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
    // Whose progress it is needs saying only where it is not plain.
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
