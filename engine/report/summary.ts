import { formatError, PipelineError } from '../errors.ts';
import { dispatch, type EventTable, type NodeStatus, type Reporter, type RunEvent } from '../events.ts';
import { countOf } from '../format.ts';
import { firstLine, nodeLabel, showsChange, statusWord, styles } from './node-text.ts';
import { createPaint, type Paint, paintCode } from './terminal.ts';

type Finished = Extract<RunEvent, { type: 'node_finished' }>;

const countLabels: Readonly<Record<NodeStatus, string>> = {
  pass: 'PASS',
  warn: 'WARN',
  error: 'ERROR',
  skip: 'SKIP',
  'no-op': 'NO-OP',
  reused: 'REUSED',
};

const sections = [
  { status: 'error', title: 'failed' },
  { status: 'warn', title: 'warned' },
  { status: 'skip', title: 'skipped' },
] as const;

const shownAtMost = 20;
const warningsAtMost = 3;

/**
 * Reports the result of a run: the nodes that failed, warned or were skipped, with the reason and the next step, and
 * the `Done.` line at the end. It is written on `close`, when the terminal is free again, unless the run never
 * finished.
 */
export function createSummaryReporter(options: {
  readonly write: (line: string) => void;
  readonly debug: boolean;
  /** Prints only the `Done.` line. */
  readonly quiet: boolean;
  readonly color: boolean;
  /** Prints only the `Done.` line if nothing changed in the run. */
  readonly isShort: boolean;
}): Reporter {
  const { write, debug, quiet, isShort } = options;
  const paint = createPaint(options.color);
  let isChanged = !isShort;
  const notable: Finished[] = [];
  const warnings = new Map<string, string[]>();
  const advice: string[] = [];
  let acknowledged = 0;
  let logFile = '';
  let done: Extract<RunEvent, { type: 'run_finished' }> | undefined;

  function describe({ node, status, message, error }: Finished): string[] {
    const head = `  ${paint(styles[status], statusWord(node, status))} ${nodeLabel(node)}: `;
    if (status !== 'error' || error === undefined) {
      const said = status === 'warn' ? (warnings.get(node.id) ?? []) : [];
      const more =
        said.length > warningsAtMost ? [`    … and ${countOf(said.length - warningsAtMost, 'warning')} more`] : [];
      return [
        `${head}${firstLine(message)}`,
        ...said.slice(0, warningsAtMost).map((text) => `    ${firstLine(text)}`),
        ...more,
      ];
    }
    const [first, ...rest] = formatError(error, { debug }).split('\n') as [string, ...string[]];
    // For a plain Error, `formatError` suggests --debug, but the log already has the stack.
    const lines = error instanceof PipelineError || debug ? rest : [`  next: read ${logFile}`];
    return [`${head}${paintCode(first, paint).replace('error ', '')}`, ...lines.map((line) => `  ${line}`)];
  }

  const table: EventTable = {
    run_started: (event) => {
      logFile = event.logFile;
    },
    node_started() {},
    node_progress() {},
    node_finished(event) {
      acknowledged += event.acknowledged ?? 0;
      if (sections.some(({ status }) => status === event.status)) notable.push(event);
    },
    log({ level, message, node, isAdvice }) {
      if (isAdvice) advice.push(message);
      if (level !== 'warn' || node === undefined) return;
      const said = warnings.get(node.id);
      if (said === undefined) warnings.set(node.id, [message]);
      else said.push(message);
    },
    run_finished: (event) => {
      done = event;
    },
  };

  return {
    report(event) {
      isChanged ||= showsChange(event);
      dispatch(table, event);
    },
    async close() {
      if (done === undefined) return;
      if (!quiet && isChanged) {
        for (const { status, title } of sections) {
          const events = notable.filter((event) => event.status === status);
          if (events.length === 0) continue;
          write(`${countOf(events.length, 'node')} ${title}:`);
          // The tests of a skipped model add nothing.
          const told = status === 'skip' ? events.filter(({ node }) => node.parent === undefined) : events;
          for (const event of told.slice(0, shownAtMost)) for (const line of describe(event)) write(line);
          if (told.length > shownAtMost) write(`  … and ${countOf(told.length - shownAtMost, 'node')} more`);
        }
        if (done.interrupted) write('Interrupted: run the same command again to continue.');
        if (notable.length > 0) write(`Log: ${logFile}`);
        if (notable.length > 0 || done.interrupted) write('');
        if (acknowledged > 0) write(`${countOf(acknowledged, 'warning')} acknowledged in pipeline.yaml.`);
      }
      if (!quiet) for (const text of advice) write(`${paint(styles.warn, 'WARN')} ${text}`);
      write(doneLine(done.counts, paint));
    },
  };
}

/** `Done. PASS=… WARN=… ERROR=… SKIP=… NO-OP=… REUSED=… TOTAL=…`. */
function doneLine(counts: Readonly<Record<NodeStatus, number>>, paint: Paint): string {
  const statuses = Object.keys(countLabels) as NodeStatus[];
  const total = statuses.reduce((sum, status) => sum + counts[status], 0);
  const figures = statuses.map((status) => {
    const text = `${countLabels[status]}=${counts[status]}`;
    return counts[status] === 0 ? text : paint(styles[status], text);
  });
  return `Done. ${figures.join(' ')} TOTAL=${total}`;
}
