import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { Pipeline } from '../config/load.ts';
import { resolveVars } from '../config/resolve-vars.ts';
import { runModelCase } from '../duckdb/index.ts';
import { closest, formatError, PipelineError } from '../errors.ts';
import type { Model } from '../model.ts';
import type { ModelTest } from '../model-test.ts';
import { loadModule, loadSchema } from '../modules.ts';
import { describeDiff, diffRows } from '../row-diff.ts';
import { parseInstant } from '../units.ts';

/** The folder of a project in which every module exports unit tests of models, each under its name. */
const unitTestsFolder = 'tests/models';

export interface UnitTest {
  readonly name: string;
  /** Relative to the project. */
  readonly file: string;
  readonly test: ModelTest;
}

/**
 * Loads the unit tests of a project, in the order of their files and names.
 * @throws PipelineError MODULE_INVALID for a module that exports anything else
 */
export async function loadUnitTests(pipeline: Pipeline): Promise<readonly UnitTest[]> {
  const found = await readdir(path.join(pipeline.root, unitTestsFolder), { recursive: true }).catch(() => []);
  const files = found.filter((file) => file.endsWith('.ts')).sort();
  const tests: UnitTest[] = [];
  for (const file of files.map((name) => path.posix.join(unitTestsFolder, name))) {
    const exported = Object.entries(await loadModule(pipeline, file));
    if (exported.length === 0)
      throw invalid(file, 'it exports no unit test', 'export const NAME = defineModelTest({ model, given, expect })');
    exported.sort(([one], [other]) => (one < other ? -1 : 1));
    for (const [name, test] of exported) tests.push({ name, file, test: checkTest(test, name, file, pipeline) });
  }
  return tests;
}

const invalid = (file: string, message: string, hint: string) =>
  new PipelineError('MODULE_INVALID', message, { file, hint });

function checkTest(test: unknown, name: string, file: string, { spec }: Pipeline): ModelTest {
  const { model, given, expect } = (test ?? {}) as Partial<ModelTest>;
  if (typeof model !== 'string' || typeof given !== 'object' || !Array.isArray(expect))
    throw invalid(file, `its export ${name} is not a unit test`, 'export only what defineModelTest(…) returns');
  const models = Object.keys(spec.models);
  if (models.includes(model)) return test as ModelTest;
  const hint = closest(model, models) ?? `models are: ${models.join(', ')}`;
  throw invalid(file, `${name}: pipeline.yaml has no model ${model}`, hint);
}

/** Runs a unit test; returns how its result differs from what it expects, as lines, none if it passes. */
export async function runUnitTest(
  { name, file, test }: UnitTest,
  { pipeline, signal }: { readonly pipeline: Pipeline; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const schema = await loadSchema(pipeline);
  const { use } = pipeline.spec.models[test.model] as { use: string };
  const { default: model } = (await loadModule(pipeline, use)) as { default: Model };
  const asOf = typeof test.asOf === 'string' ? parseInstant(test.asOf) : test.asOf;
  if (typeof test.asOf === 'string' && asOf === undefined)
    throw invalid(file, `${name}: \`${test.asOf}\` is not a time`, 'write asOf as 2025-07-10T09:00:00Z');
  try {
    const { expected, found } = await runModelCase({
      schema,
      model,
      given: test.given as Parameters<typeof runModelCase>[0]['given'],
      expected: test.expect,
      vars: resolveVars(pipeline, { json: JSON.stringify(test.vars ?? {}) }),
      asOf,
      signal,
    });
    return describeDiff(diffRows(expected, found, model.table.key), model.table.key);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof PipelineError && error.details.file === undefined)
      throw new PipelineError('MODULE_INVALID', `${name}: ${error.message}`, { ...error.details, file, cause: error });
    throw error;
  }
}

/** Runs the unit tests of the selected models and prints each with what differs. Returns how many there were. */
export async function runUnitTests(options: {
  readonly pipeline: Pipeline;
  readonly selected: ReadonlySet<string>;
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}): Promise<{ readonly passed: number; readonly failed: number }> {
  const { pipeline, selected, print, signal } = options;
  const tests = (await loadUnitTests(pipeline)).filter(({ test }) => selected.has(`model.${test.model}`));
  if (tests.length === 0) {
    throw new PipelineError('SELECTION_EMPTY', 'no model that is selected has a unit test', {
      hint: `write one in ${unitTestsFolder}/`,
    });
  }
  let failed = 0;
  for (const one of tests) {
    const lines = await runUnitTest(one, { pipeline, signal }).catch((error: unknown) => {
      if (error instanceof PipelineError && error.code !== 'MODULE_INVALID') throw error;
      signal.throwIfAborted();
      return formatError(error).split('\n');
    });
    const label = `${one.test.model}: ${one.name}`;
    if (lines.length === 0) print(`PASS ${label}`);
    else {
      failed += 1;
      print(`FAIL ${label} (${one.file})`);
      if (one.test.description !== undefined) print(`  ${one.test.description}`);
      for (const line of lines) print(`  ${line}`);
    }
  }
  print(`Done. PASS=${tests.length - failed} ERROR=${failed} TOTAL=${tests.length}`);
  return { passed: tests.length - failed, failed };
}
