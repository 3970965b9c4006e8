import { exportTable } from '../duckdb/index.ts';
import { countOf } from '../format.ts';
import type { ExportNode } from '../graph/graph.ts';
import type { Table } from '../schema/table.ts';
import type { NodeOutcome, RunContext } from './context.ts';
import { refuseAltered } from './execute-model.ts';

export async function executeExport(node: ExportNode, context: RunContext): Promise<NodeOutcome> {
  const { spec } = node;
  const table = context.project.schema[spec.model] as Table;
  const outcome = await context.warehouse.use(async (warehouse) => {
    await refuseAltered(warehouse, [table.name], context);
    return exportTable(
      warehouse,
      { name: node.name, table, orderBy: spec.order_by },
      {
        directory: context.paths.exports,
        target: context.target.name,
        synthetic: context.target.synthetic,
        runId: context.runId,
      },
    );
  });
  if (outcome.status === 'reused') return { status: 'reused', message: 'unchanged' };
  return {
    status: 'pass',
    message: [`${countOf(outcome.rows, 'row')} to ${outcome.file}`, ...(outcome.replaced ?? [])].join('; '),
    facts: { rows_affected: outcome.rows },
  };
}
