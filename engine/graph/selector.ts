import { closest } from '../closest.ts';
import { PipelineError } from '../errors.ts';
import type { Graph, GraphNode } from './graph.ts';

/** How a selector is told apart: `tag:nightly`, `path:models/nightly` …; `any` is a word without a method. */
interface Method {
  isMatch(node: GraphNode, glob: Glob): boolean;
  /** What the method could find in a node, for suggestions. */
  namesOf(node: GraphNode): readonly (string | undefined)[];
}

interface Glob {
  /** The whole text. */
  readonly whole: RegExp;
  /** A folder or a file with all folders above it. */
  readonly path: RegExp;
  /** Any folder or file of a path, or several that follow each other. */
  readonly segments: RegExp;
}

const kind: Method = {
  isMatch: (node, glob) => glob.whole.test(node.kind),
  namesOf: (node) => [node.kind],
};

const methods: Readonly<Record<string, Method>> = {
  any: {
    isMatch: ({ name, id, group, path }, { whole, segments }) =>
      whole.test(name) || whole.test(id) || (group !== undefined && whole.test(group)) || segments.test(path),
    namesOf: ({ name, id, group, path }) => [name, id, group, ...path.split('/').slice(0, -1)],
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

/** Reads `a`, `+a`, `a+`, `2+a+1`, `@a`, each with `method:` before the name or without. Throws USAGE. */
export function parseSelector(text: string): Selector {
  const parts = /^(@)?(?:(\d*)(\+))?([^@+]+?)(?:(\+)(\d*))?$/.exec(text);
  const [, at, upSteps, up, body = '', down, downSteps] = parts ?? [];
  if (parts === null || (at !== undefined && (up !== undefined || down !== undefined))) {
    throw new PipelineError('USAGE', `\`${text}\` is no selector`, {
      value: text,
      hint: 'write a name, a group, a folder, tag:x or path:x, with +a, a+, 2+a+1 or @a around it',
    });
  }
  const [, method = 'any', pattern = ''] = /^(?:([^:]*):)?(.*)$/s.exec(body) ?? [];
  if (!Object.hasOwn(methods, method) || pattern === '') {
    const names = Object.keys(methods).filter((name) => name !== 'any');
    throw new PipelineError('USAGE', `\`${text}\` has no selector method and value that exist`, {
      value: text,
      hint: closest(method, names) ?? `methods are: ${names.map((name) => `${name}:`).join(', ')}`,
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

/** Ids of the nodes that a selector names, its `+` and `@` aside. */
export function matches(graph: Graph, { method, pattern }: Selector): Set<string> {
  const glob = globOf(pattern);
  const found = graph.nodes.filter((node) => methods[method]?.isMatch(node, glob));
  return new Set(found.map(({ id }) => id));
}

/** `did you mean X?` for a selector that names nothing. */
export function suggest(graph: Graph, { method, pattern }: Selector): string | undefined {
  const names = graph.nodes.flatMap((node) => methods[method]?.namesOf(node) ?? []);
  return closest(pattern, new Set(names.filter((name) => name !== undefined && name !== '') as string[]));
}
