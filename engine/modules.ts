import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { type ConditionReads, checkDeclarations } from './config/declarations.ts';
import type { Pipeline } from './config/load.ts';
import { PipelineError } from './errors.ts';
import type { Extract } from './extract.ts';
import type { Model } from './model.ts';
import { checkNames } from './schema/names.ts';
import { engineTables } from './schema/system.ts';
import type { Schema } from './schema/table.ts';

/** Loads a module of the project, given by its path in it. @throws PipelineError MODULE_INVALID */
export const loadModule = (pipeline: Pipeline, use: string): Promise<Readonly<Record<string, unknown>>> =>
  import(pathToFileURL(path.resolve(pipeline.root, use)).href).catch((cause: Error) => {
    throw new PipelineError('MODULE_INVALID', `it cannot be loaded: ${cause.message}`, { file: use, cause });
  });

/**
 * Loads an export of a module that pipeline.yaml names.
 * @throws PipelineError MODULE_INVALID if it cannot be loaded or has no such export
 */
export async function loadExport<T>(pipeline: Pipeline, use: string, name = 'default'): Promise<T> {
  const exports = await loadModule(pipeline, use);
  if (exports[name] !== undefined) return exports[name] as T;
  const isDefault = name === 'default';
  throw new PipelineError('MODULE_INVALID', `it has no ${isDefault ? 'default export' : `export ${name}`}`, {
    file: use,
    hint: isDefault
      ? 'export default defineModel(…), defineExtract(…) or defineDataTest(…)'
      : `export const ${name} = { … }`,
  });
}

const without = (tables: Schema, own: Schema): Schema =>
  Object.fromEntries(Object.entries(tables).filter(([name]) => own[name] === undefined));

/** Loads the schema definition that pipeline.yaml names, with the tables that models define in their own modules. */
export async function loadSchema(pipeline: Pipeline): Promise<Schema> {
  const own = await loadExport<Schema>(pipeline, pipeline.spec.schema, 'schema');
  const models = await tablesOfModels(pipeline, own);
  // A schema that names the engine's tables one by one need not know those of a newer engine.
  const schema: Schema = { ...own, ...models, ...without(engineTables, own) };
  checkNames(schema, pipeline.spec.schema);
  return schema;
}

/** Loads the models that the schema has no table for; `checkDeclarations` reports those that define none either. */
async function tablesOfModels(pipeline: Pipeline, own: Schema): Promise<Schema> {
  const others = Object.entries(pipeline.spec.models).filter(([name]) => own[name] === undefined);
  const tables = others.map(async ([name, { use }]) => {
    const { table } = await loadExport<Partial<Model>>(pipeline, use);
    return table?.name === name ? { [name]: table } : {};
  });
  return Object.assign({}, ...(await Promise.all(tables)));
}

/** What is known of a pipeline.yaml once it is checked. */
export interface Checked {
  readonly schema: Schema;
  readonly conditionReads: ConditionReads;
}

const checked = new WeakMap<Pipeline, Promise<Checked>>();

/**
 * Loads the schema and checks that pipeline.yaml fits it and the options of its extracts, once for each pipeline.
 * @throws PipelineError MODULE_INVALID, CONFIG_REFERENCE or CONFIG_INVALID
 */
export function loadChecked(pipeline: Pipeline): Promise<Checked> {
  const known = checked.get(pipeline);
  if (known !== undefined) return known;
  const checking = check(pipeline);
  checked.set(pipeline, checking);
  return checking;
}

async function check(pipeline: Pipeline): Promise<Checked> {
  const schema = await loadSchema(pipeline);
  const conditionReads = await checkDeclarations(pipeline, {
    schema,
    bind: async (conditions) => (await import('./duckdb/bind.ts')).bindConditions(schema, conditions),
    async optionsOf(name) {
      const { use = '' } = pipeline.spec.extracts[name] ?? {};
      // A module that cannot be loaded is an error where its extract is selected.
      const extract = await loadExport<Extract>(pipeline, use).catch(() => undefined);
      return extract === undefined ? z.unknown() : (extract.options ?? z.strictObject({}));
    },
  });
  return { schema, conditionReads };
}
