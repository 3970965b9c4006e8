import { findDirty, openWarehouse, type Warehouse } from '../duckdb/index.ts';
import { countOf, formatCount } from '../format.ts';
import type { GraphNode } from '../graph/graph.ts';
import { queriesWaitMs } from '../limits.ts';
import { expectCurrent } from '../migrations/current.ts';
import { readMigrations } from '../migrations/files.ts';
import { openProject, type Project } from '../project.ts';
import { isRebuild, refuseLost, stateOfFile } from '../target/lost.ts';
import type { RunOptions } from './context.ts';
import { checkTables } from './missing.ts';
import { nodeWindows } from './windows.ts';

/** What a run of this selection would do, a line a node, from what is there now; nothing is written. */
export async function describeRun(
  options: Pick<
    RunOptions,
    'pipeline' | 'graph' | 'selected' | 'vars' | 'paths' | 'asOf' | 'window' | 'fullRefresh' | 'signal'
  >,
): Promise<readonly { readonly id: string; readonly would: string }[]> {
  const { pipeline, graph, selected, vars, paths, asOf, window, fullRefresh, signal } = options;
  const project = await openProject(pipeline, vars);
  const nodes = graph.nodes.filter(({ id }) => selected.has(id));
  const anew = isRebuild(options);
  await checkTables(nodes, graph, { root: pipeline.root, file: paths.warehouse, anew }, signal);
  const windows = window === undefined ? undefined : nodeWindows(graph, selected, window);
  if (!anew) refuseLost(paths.warehouse);
  await using warehouse =
    stateOfFile(paths.warehouse) === 'there'
      ? await openWarehouse({ file: paths.warehouse, readOnly: true, asOf, waitMs: queriesWaitMs, signal })
      : undefined;
  if (warehouse) await expectCurrent(warehouse, { ...project, migrations: await readMigrations(pipeline.root) });
  const described: { id: string; would: string }[] = [];
  for (const node of nodes) described.push({ id: node.id, would: await wouldDo(node) });
  return described;

  async function wouldDo(node: GraphNode): Promise<string> {
    if (node.when !== undefined && !vars.boolean(node.when)) return `nothing: the var ${node.when} is false`;
    if (node.kind === 'extract') return `ask the archive${window === undefined ? ' for everything it has' : ''}`;
    if (node.kind === 'test') return 'run';
    if (node.kind === 'export') return fullRefresh ? 'write it again' : 'write it if its table changes';
    if (warehouse === undefined) return 'build it for the first time';
    return dirtyNow(warehouse, project, node);
  }

  async function dirtyNow(open: Warehouse, { model }: Project, node: GraphNode & { kind: 'model' }): Promise<string> {
    const { dirty, total } = await findDirty(open, await model(node), windows?.get(node.id), fullRefresh);
    if (dirty === 0) return 'nothing, unless what it reads changes';
    const rest = fullRefresh ? 'whether they have changed or not' : 'more if what it reads changes';
    return `rebuild ${formatCount(dirty)} of ${countOf(total, 'partition')}, ${rest}`;
  }
}
