import { tableOf } from '../config/references.ts';
import { closest, PipelineError } from '../errors.ts';
import type { Graph, GraphNode } from './graph.ts';
import { ancestors, descendants } from './walk.ts';

export interface Selection {
  /** `--select`: each text is a union of selectors between spaces; several texts are a union too. */
  readonly select?: readonly string[];
  readonly exclude?: readonly string[];
}

/**
 * Returns the ids that dbt's selectors choose, in the order of the graph; all of them without `select`.
 * A model includes its tests and exports, so that nothing is published untested; a test that reads a second table
 * belongs to the model that declares it. Models and tests include the seeds that they read, so that nothing is built from
 * an older version of a file. Only a bare `kind:` selects exactly the nodes that it names.
 * Throws SELECTION_EMPTY if a selector matches nothing or `exclude` leaves nothing, USAGE for bad syntax.
 */
export function select(graph: Graph, { select = [], exclude = [] }: Selection): Set<string> {
  const chosen = select.length === 0 ? undefined : unionOf(graph, '--select', select);
  const dropped = exclude.length === 0 ? undefined : unionOf(graph, '--exclude', exclude);
  const ids = graph.nodes.map(({ id }) => id);
  const left = new Set(ids.filter((id) => (chosen?.has(id) ?? true) && !dropped?.has(id)));
  if (left.size === 0) {
    throw new PipelineError('SELECTION_EMPTY', 'the selection is empty', {
      ...(exclude.length > 0 && { key: '--exclude', value: exclude.join(' ') }),
      hint:
        exclude.length > 0
          ? 'exclude less: everything that was selected is excluded'
          : 'declare a model in pipeline.yaml',
    });
  }
  if (select.every(isOfKinds)) return left;
  const seeds = seedsOf(graph, left);
  return new Set(ids.filter((id) => left.has(id) || (seeds.has(id) && !dropped?.has(id))));
}

function unionOf(graph: Graph, flag: string, texts: readonly string[]): Set<string> {
  const terms = texts.flatMap((text) => text.split(/\s+/).filter((term) => term !== ''));
  if (terms.length === 0) throw nothingFound(flag, '', `name a node, or leave out ${flag}`);
  return new Set(terms.flatMap((term) => intersectionOf(graph, flag, term)));
}

function intersectionOf(graph: Graph, flag: string, term: string): string[] {
  const sets = term.split(',').map((text) => {
    const selector = parseSelector(text);
    const found = matches(graph, selector);
    if (found.size > 0) return reach(graph, selector, found);
    throw nothingFound(flag, text, suggest(graph, selector) ?? 'list all nodes: pnpm pipeline ls');
  });
  const common = [...(sets[0] ?? [])].filter((id) => sets.every((ids) => ids.has(id)));
  if (common.length > 0) return common;
  throw nothingFound(flag, term, 'a comma keeps only nodes that match both sides; a space joins them');
}

const nothingFound = (flag: string, value: string, hint: string): PipelineError =>
  new PipelineError('SELECTION_EMPTY', `no node matches \`${value}\``, { key: flag, value, hint });

function reach(graph: Graph, selector: Selector, found: ReadonlySet<string>): Set<string> {
  const { up, down, isClosed, method } = selector;
  const isBare = up === 0 && down === 0 && !isClosed;
  if (isBare && (method === 'kind' || method === 'resource_type')) return new Set(found);
  const below = new Set([...found, ...dependents(graph, selector, found)]);
  const above = isClosed ? ancestors(graph, below) : ancestors(graph, found, up);
  return withTestsAndExports(graph, new Set([...below, ...above]));
}

/** The nodes below those found; below a table of an extract are the nodes that read that table, and what follows. */
function dependents(graph: Graph, { pattern, down, isClosed }: Selector, found: ReadonlySet<string>): Set<string> {
  const depth = isClosed ? Number.POSITIVE_INFINITY : down;
  const glob = globOf(pattern);
  const byTable = new Set(
    graph.nodes.filter((node) => found.has(node.id) && !isNamed(node, glob) && writes(node, glob)).map(({ id }) => id),
  );
  const below = descendants(graph, found.difference(byTable), depth);
  if (byTable.size === 0 || depth === 0) return below;
  const readers = graph.nodes
    .filter((node) => node.needs.some((id) => byTable.has(id)) && reads(node, glob))
    .map(({ id }) => id);
  return new Set([...below, ...readers, ...descendants(graph, readers, depth - 1)]);
}

const writes = (node: GraphNode, { whole }: Glob): boolean =>
  node.kind === 'extract' && node.spec.writes.some((table) => whole.test(table));

/** True if the node names such a table among its needs; the needs of a custom test do not say which table it reads. */
function reads(node: GraphNode, { whole }: Glob): boolean {
  if (node.kind === 'test') return node.spec.type !== 'relationships' || whole.test(tableOf(node.spec.to));
  return 'needs' in node.spec && node.spec.needs.some((name) => whole.test(name));
}

function seedsOf(graph: Graph, ids: ReadonlySet<string>): Set<string> {
  const needed = new Set(graph.nodes.filter(({ id }) => ids.has(id)).flatMap(({ needs }) => needs));
  const seeds = graph.nodes.filter(({ id, kind }) => kind === 'seed' && needed.has(id));
  return new Set(seeds.map(({ id }) => id));
}

const isOfKinds = (text: string): boolean =>
  text.split(/\s+/).every((term) => /^((kind|resource_type):[^+@]*)?$/.test(term));

function withTestsAndExports(graph: Graph, ids: ReadonlySet<string>): Set<string> {
  const all = new Set(ids);
  for (const { id, parent } of graph.nodes) if (parent !== undefined && ids.has(parent)) all.add(id);
  return all;
}

/** The method of a selector: `tag:nightly`, `path:models/nightly` …; `any` applies to a word without a method. */
interface Method {
  isMatch(node: GraphNode, glob: Glob): boolean;
  /** The names that the method can match in a node, for suggestions. */
  namesOf(node: GraphNode): readonly (string | undefined)[];
}

interface Glob {
  /** Matches the whole text. */
  readonly whole: RegExp;
  /** Matches a file or folder by its path from the root. */
  readonly path: RegExp;
  /** Matches any part of a path, or several consecutive ones. */
  readonly segments: RegExp;
}

const kind: Method = {
  isMatch: (node, glob) => glob.whole.test(node.kind),
  namesOf: (node) => [node.kind],
};

/** True if a word without a method stands for the node itself, rather than for a table that it writes. */
const isNamed = ({ name, id, group, path }: GraphNode, { whole, segments }: Glob): boolean =>
  whole.test(name) || whole.test(id) || (group !== undefined && whole.test(group)) || segments.test(path);

const methods: Readonly<Record<string, Method>> = {
  any: {
    isMatch: (node, glob) => isNamed(node, glob) || writes(node, glob),
    namesOf: (node) => [
      ...[node.name, node.id, node.group],
      ...node.path.split('/').slice(0, -1),
      ...(node.kind === 'extract' ? node.spec.writes : []),
    ],
  },
  tag: { isMatch: ({ tags }, { whole }) => tags.some((tag) => whole.test(tag)), namesOf: ({ tags }) => tags },
  group: {
    isMatch: ({ group }, { whole }) => group !== undefined && whole.test(group),
    namesOf: ({ group }) => [group],
  },
  path: {
    isMatch: (node, { path }) => path.test(node.path),
    namesOf: ({ path }) => [path, path.slice(0, Math.max(path.lastIndexOf('/'), 0))],
  },
  kind,
  resource_type: kind,
};

/** One selector between spaces and commas. */
export interface Selector {
  readonly text: string;
  readonly method: string;
  readonly pattern: string;
  /** Steps to ancestors and descendants; 0 without a `+`, infinite for a `+` without a number. */
  readonly up: number;
  readonly down: number;
  /** `@`: descendants, and all ancestors of those. */
  readonly isClosed: boolean;
}

/** Parses `a`, `+a`, `a+`, `2+a+1`, `@a`, each with or without `method:` before the name. Throws USAGE. */
function parseSelector(text: string): Selector {
  const parts = /^(@)?(?:(\d*)(\+))?([^@+]+?)(?:(\+)(\d*))?$/.exec(text);
  const [, at, upSteps, up, body = '', down, downSteps] = parts ?? [];
  if (parts === null || (at !== undefined && (up !== undefined || down !== undefined))) {
    throw new PipelineError('USAGE', `\`${text}\` is not a valid selector`, {
      value: text,
      hint: 'write a name, a group, a folder, tag:x or path:x, as in a, +a, a+, 2+a+1 or @a',
    });
  }
  const [, method = 'any', pattern = ''] = /^(?:([^:]*):)?(.*)$/s.exec(body) ?? [];
  if (!Object.hasOwn(methods, method) || pattern === '') {
    const names = Object.keys(methods).filter((name) => name !== 'any');
    throw new PipelineError('USAGE', `\`${text}\` has an unknown method or an empty value`, {
      value: text,
      hint: closest(method, names) ?? `known methods: ${names.map((name) => `${name}:`).join(', ')}`,
    });
  }
  const steps = (sign: string | undefined, count: string | undefined): number =>
    sign === undefined ? 0 : count ? Number(count) : Number.POSITIVE_INFINITY;
  return { text, method, pattern, up: steps(up, upSteps), down: steps(down, downSteps), isClosed: at !== undefined };
}

function globOf(pattern: string): Glob {
  const trimmed = pattern.replace(/^\.\//, '').replace(/\/+$/, '');
  const source = trimmed.replace(/[\\^$.+?()[\]{}|]/g, '\\$&').replaceAll('*', '[^/]*');
  return {
    whole: new RegExp(`^${source}$`),
    path: new RegExp(`^${source}(/|$)`),
    segments: new RegExp(`(^|/)${source}(/|$)`),
  };
}

/** Returns the ids of the nodes that a selector names, ignoring its `+` and `@`. */
function matches(graph: Graph, { method, pattern }: Selector): Set<string> {
  const glob = globOf(pattern);
  const found = graph.nodes.filter((node) => methods[method]?.isMatch(node, glob));
  return new Set(found.map(({ id }) => id));
}

/** Returns `did you mean X?` for a selector that matches nothing. */
function suggest(graph: Graph, { method, pattern }: Selector): string | undefined {
  const names = graph.nodes.flatMap((node) => methods[method]?.namesOf(node) ?? []);
  return closest(pattern, new Set(names.filter((name) => name !== undefined && name !== '') as string[]));
}
