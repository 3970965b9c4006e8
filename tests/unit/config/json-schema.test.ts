import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { keysAt, pipelineJsonSchema, pipelineJsonSchemaText } from '../../../engine/config/shape.ts';

test('pipeline.schema.json is up to date with the spec', async () => {
  const committed = await readFile('engine/config/pipeline.schema.json', 'utf8');
  // Stale? node engine/config/shape.ts --write
  expect(pipelineJsonSchemaText()).toBe(committed);
});

test('pipeline.yaml points editors to the committed schema', async () => {
  const [first] = (await readFile('pipeline.yaml', 'utf8')).split('\n');
  expect(first).toBe('# yaml-language-server: $schema=./engine/config/pipeline.schema.json');
});

test('every key has a description', () => {
  const missing: string[] = [];
  const walk = (schema: Record<string, unknown>, path: string): void => {
    for (const [key, value] of Object.entries((schema.properties ?? {}) as Record<string, Record<string, unknown>>)) {
      if (typeof value.description !== 'string') missing.push(`${path}.${key}`);
      walk(value, `${path}.${key}`);
    }
    for (const inner of [schema.items, schema.additionalProperties, ...((schema.anyOf ?? []) as unknown[])]) {
      if (typeof inner === 'object' && inner !== null) walk(inner as Record<string, unknown>, path);
    }
  };
  walk(pipelineJsonSchema() as Record<string, unknown>, '');
  expect(missing).toEqual([]);
});

test.each([
  [
    [],
    [
      ...['name', 'default_target', 'schema', 'targets', 'vars', 'extracts', 'seeds', 'models', 'exports'],
      ...['publications', 'acknowledge', 'commands'],
    ],
  ],
  [
    ['targets', 'any'],
    ['archive', 'listing', 'as_of', 'ask_above', 'synthetic', 'vars'],
  ],
  [
    ['models', 'any', 'tests', 3, 'unique'],
    ['columns', 'severity', 'where', 'when', 'tags', 'name'],
  ],
  [
    ['seeds', 'any'],
    ['file', 'description', 'group', 'tags'],
  ],
  [['extracts', 'any', 'with', 'options'], []],
])('the keys at %j can be completed', (path, keys) => {
  expect(keysAt(path)).toEqual(keys);
});
