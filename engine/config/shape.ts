import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { closest } from '../errors.ts';
import { formatPath, type Path, type Problem } from './problems.ts';
import { type PipelineSpec, pipelineSpec } from './spec.ts';
import type { YamlSource } from './yaml-source.ts';

type Issue = z.core.$ZodIssue;

export interface Shape {
  /** The valid part of the file, all of it if there are no problems; undefined if too little is valid. */
  readonly spec: PipelineSpec | undefined;
  readonly problems: readonly Problem[];
}

/** Checks all keys and types of pipeline.yaml, and returns the valid part so that its references can be checked too. */
export function checkShape(source: YamlSource): Shape {
  const data = structuredClone(source.data);
  let result = pipelineSpec.safeParse(data);
  const problems = result.success
    ? []
    : result.error.issues.filter(isCause).flatMap((issue) => describeIssue(source, issue));
  while (!result.success) {
    const [issue] = result.error.issues;
    if (issue === undefined || !prune(data, issue)) return { spec: undefined, problems };
    result = pipelineSpec.safeParse(data);
  }
  return { spec: result.data, problems };
}

/** Checks the `with:` block at `path` against the options that its extract declares. */
export function describeOptions(
  source: YamlSource,
  path: Path,
  options: object,
  declared: z.ZodType,
): readonly Problem[] {
  const result = declared.safeParse(options);
  if (result.success) return [];
  const keysOf = (at: Path) => keysIn(z.toJSONSchema(declared, { io: 'input' }) as JsonSchema, at.slice(path.length));
  return result.error.issues.flatMap((issue) => describeIssue(source, issue, path, keysOf));
}

/** A map whose only key is unknown also lacks a known one; only the unknown key is worth reporting. */
/** A map whose only key is unknown also lacks a known one; only the unknown key is worth reporting. */
function isCause(issue: Issue, _: number, issues: readonly Issue[]): boolean {
  const isAbout = ({ path }: Issue) => formatPath(path as Path) === formatPath(issue.path as Path);
  return issue.code !== 'custom' || !issues.some((other) => other.code === 'unrecognized_keys' && isAbout(other));
}

/** Removes the subject of an issue from `data`, or the list that contains it; false if nothing is left to remove. */
function prune(data: unknown, issue: Issue): boolean {
  const index = issue.path.findIndex((part) => typeof part === 'number');
  let path = (index === -1 ? issue.path : issue.path.slice(0, index)) as Path;
  if (issue.code === 'unrecognized_keys' && index === -1) {
    const map = mapAt(data, path);
    for (const key of issue.keys) delete map?.[key];
    return map !== undefined;
  }
  // If a key is missing, the map that lacks it is removed.
  for (; path.length > 0; path = path.slice(0, -1)) {
    const parent = mapAt(data, path.slice(0, -1));
    const key = String(path.at(-1));
    if (parent !== undefined && Object.hasOwn(parent, key)) return delete parent[key];
  }
  return false;
}

function mapAt(data: unknown, path: Path): Record<string, unknown> | undefined {
  const value = path.reduce<unknown>((map, part) => (map as Record<string, unknown> | undefined)?.[part], data);
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
}

const words: Readonly<Record<string, string>> = {
  string: 'a string',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

const orOf = (items: readonly string[]): string => items.join(', ').replace(/, ([^,]*)$/, ' or $1');

/** Returns the types that were expected instead of the given one. */
function expectedTypes(issue: Issue): string[] {
  if (issue.code === 'invalid_type') return [words[issue.expected] ?? issue.expected];
  if (issue.code !== 'invalid_union') return [];
  return issue.errors.flat().flatMap((inner) => (inner.path.length === 0 ? expectedTypes(inner) : []));
}

/** The last key of a path with the indexes after it: `tests[2]`. */
const labelOf = (path: Path): string => {
  const start = path.findLastIndex((part) => typeof part === 'string');
  return start === -1 ? 'the file' : `\`${formatPath(path.slice(start))}\``;
};

const placeOf = (path: Path): string => (path.length === 0 ? '' : ` in ${formatPath(path)}`);

/** Returns the keys that the map at a path may have. */
type KeysAt = (path: Path) => readonly string[];

function unknownKey(source: YamlSource, path: Path, key: string, keysOf: KeysAt): Problem {
  const keys = keysOf(path);
  const hint = source.isStray([...path, key])
    ? 'inside { } a comma ends an unquoted text: quote it'
    : (closest(key, keys) ?? (keys.length === 0 ? 'remove it' : `known keys: ${keys.join(', ')}`));
  return {
    code: 'CONFIG_INVALID',
    message: `unknown key \`${key}\`${placeOf(path)}`,
    position: source.keyAt([...path, key]),
    path: [...path, key],
    hint,
  };
}

function describeIssue(source: YamlSource, issue: Issue, base: Path = [], keysOf: KeysAt = keysAt): Problem[] {
  const path = [...base, ...issue.path] as Path;
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey(source, path, key, keysOf));
  if (issue.code === 'invalid_union') {
    // The branch with the right type is the one that was meant.
    const isOfOtherType = ({ code, path }: Issue) =>
      path.length === 0 && (code === 'invalid_type' || code === 'invalid_union');
    const meant = issue.errors.find((inner) => !inner.some(isOfOtherType));
    if (meant !== undefined) return meant.flatMap((inner) => describeIssue(source, inner, path, keysOf));
  }
  const text = issue.code === 'invalid_key' ? String(path.at(-1)) : source.textAt(path);
  const problem = (message: string, hint?: string): Problem[] => [
    {
      code: 'CONFIG_INVALID',
      message,
      position: issue.code === 'invalid_key' ? source.keyAt(path) : source.at(path),
      path,
      ...(hint !== undefined && { hint }),
    },
  ];
  if (text === undefined) return problem(`${labelOf(path)} is missing${placeOf(path.slice(0, -1))}`);
  const must = `${labelOf(path)} must ${demandOf(issue)}, ${text === '' ? 'but is empty' : `not \`${text}\``}`;
  return problem(must, issue.code === 'invalid_value' ? closest(text, issue.values.map(String)) : undefined);
}

/** Returns the text after `must`: what the value must be or do. */
function demandOf(issue: Issue): string {
  if (issue.code === 'invalid_value') return `be ${orOf(issue.values.map(String))}`;
  if (issue.code === 'invalid_type' || issue.code === 'invalid_union') return `be ${orOf(expectedTypes(issue))}`;
  if (issue.code === 'invalid_key') return demandOf(issue.issues[0] as Issue);
  if (issue.code === 'too_small' && issue.origin === 'number') return `be at least ${issue.minimum}`;
  if (issue.code === 'too_big') return `be at most ${issue.maximum}`;
  return issue.message;
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
}

/** The JSON Schema of pipeline.yaml, for editors: completion, descriptions, and unknown keys underlined. */
export const pipelineJsonSchema = (): object => z.toJSONSchema(pipelineSpec, { io: 'input' });

/** The text of pipeline.schema.json. */
export const pipelineJsonSchemaText = (): string => `${JSON.stringify(pipelineJsonSchema(), null, 2)}\n`;

/** The keys that the map at a path of pipeline.yaml may have; none where its keys are free. */
export const keysAt = (path: Path): string[] => keysIn(pipelineJsonSchema() as JsonSchema, path);

function keysIn(whole: JsonSchema, path: Path): string[] {
  const step = (schema: JsonSchema, part: string | number): JsonSchema[] => {
    const free = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined;
    const next = typeof part === 'number' ? schema.items : (schema.properties?.[part] ?? free);
    return [...(next ? [next] : []), ...(schema.anyOf ?? []).flatMap((branch) => step(branch, part))];
  };
  const found = path.reduce<JsonSchema[]>((schemas, part) => schemas.flatMap((schema) => step(schema, part)), [whole]);
  return found
    .flatMap((schema) => [schema, ...(schema.anyOf ?? [])])
    .flatMap(({ properties }) => Object.keys(properties ?? {}));
}

if (import.meta.main) {
  if (process.argv.includes('--write')) {
    await writeFile(new URL('pipeline.schema.json', import.meta.url), pipelineJsonSchemaText());
  } else process.stdout.write(pipelineJsonSchemaText());
}
