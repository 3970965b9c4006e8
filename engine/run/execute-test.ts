import path from 'node:path';
import { recordOutcomes, runTest, type TestOutcome } from '../duckdb/index.ts';
import { countOf, formatCount } from '../format.ts';
import type { TestNode } from '../graph/graph.ts';
import type { Acknowledgements } from './acknowledgements.ts';
import type { NodeOutcome, RunContext } from './context.ts';

/** Runs a test on published data. */
export async function executeTest(node: TestNode, context: RunContext): Promise<NodeOutcome> {
  const test = await context.project.test(node);
  const outcome = await context.warehouse.use(async (warehouse) => {
    const options = {
      runId: context.runId,
      asOf: context.asOf,
      failuresDir: path.join(context.paths.artifacts, 'failures'),
    };
    const result = await runTest(warehouse, test, options);
    await recordOutcomes(warehouse, [result], options);
    return result;
  });
  return testOutcome(outcome, context.acknowledgements);
}

const figure = (value: number | null) => (value === null ? 'nothing to measure' : formatFigure(value));
const formatFigure = (value: number) =>
  Number.isInteger(value) ? formatCount(value) : String(Number(value.toPrecision(5)));

function cellText(cell: unknown): string {
  if (cell instanceof Date) return cell.toISOString().replace('T00:00:00.000Z', '');
  return typeof cell === 'number' ? formatFigure(cell) : String(cell);
}

const fewCells = 4;

/** The test's line in pipeline.yaml: `pipeline.yaml:95:9`. */
const placeText = ({ place: { file, line, column } }: TestOutcome['test']): string => `${file}:${line}:${column}`;

/** Describes the outcome of a test in one line. */
export function testOutcome(outcome: TestOutcome, acknowledgements: Acknowledgements): NodeOutcome {
  const { test, status, value, threshold, rowsFailed, examples, failuresFile } = outcome;
  if (status === 'reused') return { status, message: 'nothing it reads has changed since it passed' };
  const facts = { value, threshold, failures: rowsFailed };
  const measured = test.sql.measure === undefined ? '' : `${figure(value)} measured, ${figure(threshold)} wanted`;
  if (status === 'pass') return { status, message: measured || 'no row fails', facts };
  const shown = examples.map((row) =>
    Object.entries(row)
      .slice(0, Math.max(fewCells, test.telling?.length ?? 0))
      .map(([name, cell]) => `${name}=${cellText(cell)}`)
      .join(' '),
  );
  const parts = [
    ...(measured === '' ? [] : [measured]),
    `${countOf(rowsFailed, 'row fails', 'rows fail')}: ${shown.join('; ')}`,
    `all in ${failuresFile}`,
  ];
  const message = `${placeText(test)}: ${parts.join('; ')}`;
  const entry = status === 'warn' ? acknowledgements.ofTest(outcome) : undefined;
  if (entry === undefined) return { status, message, facts };
  if (entry.kind === 'worse') return { status, message: `worse than ${entry.place} acknowledges; ${message}`, facts };
  const { reason } = entry;
  return { status: 'pass', message: `acknowledged: ${reason}; ${message}`, facts, acknowledged: reason };
}
