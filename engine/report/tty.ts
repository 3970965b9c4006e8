import { dispatch, type EventTable, type NodeRef, type NodeStatus, type Reporter, type RunEvent } from '../events.ts';
import { countOf, formatDuration } from '../format.ts';
import type { Clock } from './clock.ts';
import { createLiveList, type LiveLine, type LiveList } from './live-list.ts';
import { firstLine, headline, nodeLabel, showsChange, styles, unchangedLine } from './node-text.ts';
import { createMeter, liveProgress, type Meter } from './progress.ts';
import { createPaint, cutTo } from './terminal.ts';

const redrawEvery = 200;
const notesAtMost = 5;
const testsId = 'tests';

const marks = { pass: '✔', warn: '⚠', error: '✖', skip: '↓', 'no-op': '·', reused: '≡' } as const satisfies Record<
  NodeStatus,
  string
>;

/** Cells for the spinner and the mark of a line, each with a blank, and for listr2's margin on the right. */
const besides = 6;

interface Entry {
  readonly label: string;
  line: LiveLine;
  readonly meter: Meter;
  readonly startedAt: number;
  testsPassed: number;
  notes: number;
  /** The status of tests without a model. */
  status: NodeStatus;
}

/** Shows a live line for each extract, model and export on a terminal; tests appear with their model. */
export function createTtyReporter(options: {
  readonly title: string;
  readonly terminal: NodeJS.WriteStream;
  readonly clock: Clock;
  readonly color: boolean;
  readonly debug: boolean;
  /** Reduces a run in which nothing changed to one line. */
  readonly isShort?: boolean;
}): Reporter {
  const { title, terminal, clock, debug } = options;
  const paint = createPaint(options.color);
  let isChanged = !options.isShort;
  const warned: NodeRef[] = [];
  let acknowledged = 0;
  let finished: Extract<RunEvent, { type: 'run_finished' }> | undefined;
  const entries = new Map<string, Entry>();
  let list: LiveList | undefined;
  let stopRedraw = () => {};
  /** Events that arrived while something else used the terminal. */
  let held: RunEvent[] | undefined;
  let labelWidth = 0;

  const mark = (status: NodeStatus) => paint(styles[status], marks[status]);

  function show(text: string): void {
    if (list === undefined) terminal.write(`${text}\n`);
    else list.add(text).end(text);
  }

  function start(id: string, label: string): Entry {
    const line = list?.add(label) ?? { retitle() {}, note() {}, end() {} };
    const entry: Entry = {
      label,
      line,
      meter: createMeter(clock.now),
      startedAt: clock.now(),
      testsPassed: 0,
      notes: 0,
      status: 'pass',
    };
    entries.set(id, entry);
    return entry;
  }

  function note(entry: Entry, text: string): void {
    entry.notes += 1;
    if (entry.notes <= notesAtMost) entry.line.note(text);
  }

  const titleOf = (entry: Entry, parts: readonly string[], seconds: number): string => {
    const tests = entry.testsPassed === 0 ? [] : [`${countOf(entry.testsPassed, 'test')} passed`];
    const text = [...parts.filter((part) => part !== ''), ...tests].join(' · ');
    const time = seconds >= 0.05 ? `  ${formatDuration(seconds)}` : '';
    const label = `${entry.label.padEnd(labelWidth)}  `;
    const room = terminal.columns - besides - label.length - time.length;
    return `${label}${cutTo(text, Math.max(room, 1))}${time && paint('dim', time)}`;
  };

  const elapsed = (entry: Entry) => (clock.now() - entry.startedAt) / 1000;

  function redraw(): void {
    for (const entry of entries.values()) {
      const progress = entry.meter.latest;
      const parts = progress === undefined ? [] : [liveProgress(progress, entry.meter.speed())];
      entry.line.retitle(titleOf(entry, parts, elapsed(entry)));
    }
  }

  function end(id: string, entry: Entry, status: NodeStatus, message: string, seconds: number): void {
    if (entry.notes > notesAtMost) entry.line.note(`… and ${entry.notes - notesAtMost} more in the log`);
    entry.line.end(`${mark(status)} ${titleOf(entry, [firstLine(message)], seconds)}`);
    entries.delete(id);
  }

  /**
   * Counts a passed test on its model's line; shows any other test, and one with an acknowledged warning, on its own.
   */
  function finishTest(event: Extract<RunEvent, { type: 'node_finished' }>): void {
    const { node, status, message } = event;
    if (status !== 'pass' && status !== 'warn' && status !== 'error') return;
    const entry = entries.get(node.parent ?? '') ?? entries.get(testsId) ?? start(testsId, 'tests');
    if (status === 'pass' && event.acknowledged === undefined) {
      entry.testsPassed += 1;
      return;
    }
    if (status !== 'pass' && entry.status !== 'error') entry.status = status;
    entry.line.note(`${mark(status)} ${node.name}: ${firstLine(message)}`);
  }

  const table: EventTable = {
    run_started(event) {
      terminal.write(`${headline(title, event)}\n`);
      labelWidth = Math.max(...event.nodes.map((node) => (node.kind === 'test' ? 0 : nodeLabel(node).length)));
      list = createLiveList(terminal);
      stopRedraw = clock.every(redrawEvery, redraw);
    },
    node_started({ node }) {
      if (node.kind !== 'test') start(node.id, nodeLabel(node));
    },
    node_progress: ({ node, progress }) => entries.get(node.id)?.meter.update(progress),
    node_finished(event) {
      const { node, status, message, seconds } = event;
      acknowledged += event.acknowledged ?? 0;
      if (status === 'warn') warned.push(node);
      if (node.kind === 'test') return finishTest(event);
      end(node.id, entries.get(node.id) ?? start(node.id, nodeLabel(node)), status, message, seconds);
    },
    log({ level, message, node, isAdvice }) {
      // Advice is part of the result.
      if (isAdvice || (level === 'debug' && !debug)) return;
      const text = level === 'warn' || level === 'error' ? `${mark(level)} ${message}` : message;
      const entry = node && entries.get(node.id);
      if (entry === undefined) show(text);
      else note(entry, text);
    },
    run_finished(event) {
      finished = event;
    },
  };

  return {
    report(event) {
      isChanged ||= showsChange(event);
      if (held === undefined) dispatch(table, event);
      else held.push(event);
    },
    async pause(work) {
      held = [];
      stopRedraw();
      for (const entry of entries.values())
        entry.line.end(`${mark('no-op')} ${titleOf(entry, ['waiting for an answer'], 0)}`);
      await list?.close();
      list = undefined;
      try {
        return await work();
      } finally {
        list = createLiveList(terminal);
        for (const entry of entries.values()) entry.line = list.add(entry.label);
        stopRedraw = clock.every(redrawEvery, redraw);
        const missed = held;
        held = undefined;
        for (const event of missed) dispatch(table, event);
      }
    },
    async close() {
      stopRedraw();
      for (const [id, entry] of entries) {
        if (id === testsId) end(id, entry, entry.status, '', elapsed(entry));
        else end(id, entry, 'skip', 'interrupted', elapsed(entry));
      }
      const isShort = !isChanged && finished !== undefined;
      const line = () => unchangedLine(finished as NonNullable<typeof finished>, warned, acknowledged);
      await list?.close(isShort ? line() : undefined);
    },
  };
}
