import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { z } from 'zod';
import type { Pipeline } from '../config/load.ts';
import { createVars, type Vars } from '../config/vars.ts';
import { writeWhole } from '../disk.ts';
import { definitionParts } from '../duckdb/dialect.ts';
import type { ModelNode } from '../graph/graph.ts';
import { openProject, type Project } from '../project.ts';
import { hideInValue } from '../secrets.ts';

const varValue = z.union([z.boolean(), z.number(), z.string(), z.array(z.string())]);

/** By model, what it was when all of it was built last; `plan` tells from this why a model is built again. */
const definitions = z.record(
  z.string(),
  z.object({ sql: z.string(), table: z.string(), vars: z.record(z.string(), varValue) }),
);
type Definitions = z.infer<typeof definitions>;

const fileOf = (artifacts: string): string => path.join(artifacts, 'definitions.json');

/** Returns what earlier runs recorded; nothing if the file is missing or is not one of ours. */
export async function readDefinitions(artifacts: string): Promise<Definitions> {
  try {
    return definitions.parse(JSON.parse(await readFile(fileOf(artifacts), 'utf8')));
  } catch {
    return {};
  }
}

/** Records the definitions of models that are now built by them as a whole. */
export async function recordDefinitions(
  artifacts: string,
  nodes: readonly ModelNode[],
  { project, vars }: { readonly project: Project; readonly vars: Vars },
): Promise<void> {
  if (nodes.length === 0) return;
  const known = await readDefinitions(artifacts);
  const values = Object.fromEntries(Object.entries(vars.values).map(([name, value]) => [name, withoutSecret(value)]));
  const now = await Promise.all(
    nodes.map(async (node) => [node.name, { ...definitionParts(await project.model(node)), vars: values }] as const),
  );
  const text = `${JSON.stringify({ ...known, ...Object.fromEntries(now) }, null, 2)}\n`;
  if (text !== `${JSON.stringify(known, null, 2)}\n`) writeWhole(fileOf(artifacts), text, { mode: 0o600 });
}

type VarValue = Vars['values'][string];

const withoutSecret = (value: VarValue): z.infer<typeof varValue> => {
  if (typeof value === 'string') return hideInValue(value);
  return Array.isArray(value) ? value.map(hideInValue) : (value as boolean | number);
};

/**
 * Returns which part of a model's definition has changed since it was built as a whole: `definition` (that of its
 * table), `var` with the names of the vars, or `sql`. Undefined if none has; `input or definition` if nothing is recorded.
 */
export async function changeOfDefinition(
  node: ModelNode,
  recorded: Definitions,
  { pipeline, project, vars }: { readonly pipeline: Pipeline; readonly project: Project; readonly vars: Vars },
): Promise<string | undefined> {
  const before = recorded[node.name];
  if (before === undefined) return 'input or definition';
  const now = definitionParts(await project.model(node));
  if (now.table !== before.table) return 'definition';
  if (now.sql === before.sql) return undefined;
  const sqlWith = async (values: Vars['values']) => {
    const other = await openProject(pipeline, createVars(values));
    return other.model(node).then(
      (model) => definitionParts(model).sql,
      () => undefined, // the earlier values do not fit the model any more
    );
  };
  const changed = Object.keys(vars.values).filter(
    (name) =>
      Object.hasOwn(before.vars, name) && !isSame(before.vars[name], withoutSecret(vars.values[name] as VarValue)),
  );
  const asBefore = Object.fromEntries(changed.map((name) => [name, before.vars[name] as VarValue]));
  if ((await sqlWith({ ...vars.values, ...asBefore })) !== before.sql) return 'sql';
  const matter: string[] = [];
  for (const name of changed)
    if ((await sqlWith({ ...vars.values, [name]: asBefore[name] as VarValue })) !== now.sql) matter.push(name);
  return `var ${matter.join(', ')}`;
}

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
