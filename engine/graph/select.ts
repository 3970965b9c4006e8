import { PipelineError } from '../errors.ts';
import type { Graph } from './graph.ts';
import { matches, parseSelector, type Selector, suggest } from './selector.ts';
import { ancestors, descendants } from './walk.ts';

export interface Selection {
  /** `--select`: each text is a union of selectors between spaces; several texts are a union too. */
  readonly select?: readonly string[];
  readonly exclude?: readonly string[];
}

/**
 * Ids that dbt's selectors choose, in the order of the graph; everything without `select`.
 * A model brings its tests and exports, so that what is built is never published untested; a test that reads a second
 * table goes with the model that declares it. Only a bare `kind:` is taken at its word.
 * Throws SELECTION_EMPTY for a selector that finds nothing and where `exclude` leaves nothing, USAGE for bad syntax.
 */
export function select(graph: Graph, { select = [], exclude = [] }: Selection): Set<string> {
  const chosen = select.length === 0 ? undefined : unionOf(graph, '--select', select);
  const dropped = exclude.length === 0 ? undefined : unionOf(graph, '--exclude', exclude);
  const ids = graph.nodes.map(({ id }) => id);
  const left = ids.filter((id) => (chosen?.has(id) ?? true) && !dropped?.has(id));
  if (left.length === 0) {
    throw new PipelineError('SELECTION_EMPTY', 'the selection is empty', {
      ...(exclude.length > 0 && { key: '--exclude', value: exclude.join(' ') }),
      hint: exclude.length > 0 ? 'exclude less: all that was selected is excluded' : 'declare a model in pipeline.yaml',
    });
  }
  return new Set(left);
}

function unionOf(graph: Graph, flag: string, texts: readonly string[]): Set<string> {
  const terms = texts.flatMap((text) => text.split(/\s+/).filter((term) => term !== ''));
  if (terms.length === 0) throw nothingFound(flag, '', `name something, or leave ${flag} out`);
  return new Set(terms.flatMap((term) => intersectionOf(graph, flag, term)));
}

function intersectionOf(graph: Graph, flag: string, term: string): string[] {
  const sets = term.split(',').map((text) => {
    const selector = parseSelector(text);
    const found = matches(graph, selector);
    if (found.size > 0) return reach(graph, selector, found);
    throw nothingFound(flag, text, suggest(graph, selector) ?? 'see what there is: pnpm pipeline ls');
  });
  const common = [...(sets[0] ?? [])].filter((id) => sets.every((ids) => ids.has(id)));
  if (common.length > 0) return common;
  throw nothingFound(flag, term, 'a comma keeps only what both sides find; a space joins them');
}

const nothingFound = (flag: string, value: string, hint: string): PipelineError =>
  new PipelineError('SELECTION_EMPTY', `the selector \`${value}\` finds nothing`, { key: flag, value, hint });

function reach(graph: Graph, { up, down, isClosed, method }: Selector, found: ReadonlySet<string>): Set<string> {
  const isBare = up === 0 && down === 0 && !isClosed;
  if (isBare && (method === 'kind' || method === 'resource_type')) return new Set(found);
  const below = new Set([...found, ...descendants(graph, found, isClosed ? Number.POSITIVE_INFINITY : down)]);
  const above = isClosed ? ancestors(graph, below) : ancestors(graph, found, up);
  return withTestsAndExports(graph, new Set([...below, ...above]));
}

function withTestsAndExports(graph: Graph, ids: ReadonlySet<string>): Set<string> {
  const all = new Set(ids);
  for (const { id, parent } of graph.nodes) if (parent !== undefined && ids.has(parent)) all.add(id);
  return all;
}
