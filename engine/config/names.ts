import type { PipelineSpec, TestSpec } from './spec.ts';

/** What a need may name → the ids of the nodes that make it: extracts, models, and the tables that extracts write. */
export function makers(spec: Pick<PipelineSpec, 'extracts' | 'models'>): Map<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const [name, { writes }] of Object.entries(spec.extracts)) {
    for (const one of new Set([name, ...writes])) found.set(one, [...(found.get(one) ?? []), `extract.${name}`]);
  }
  for (const name of Object.keys(spec.models)) found.set(name, [`model.${name}`]);
  return found;
}

/** The table of `table.column`. */
export const tableOf = (to: string): string => to.slice(0, to.indexOf('.'));

/** The name of a test: its own, else its type, model and columns as dbt has it; a list of NOT NULL columns goes unnamed. */
export function testName(model: string, test: TestSpec): string {
  if (test.name !== undefined) return test.name;
  if (test.type === 'custom') return (test.use.split('/').at(-1) ?? '').replace(/\.[^.]*$/, '');
  return [test.type, model, ...namedColumns(test)].join('_');
}

function namedColumns(test: TestSpec): readonly string[] {
  if (test.type === 'unique') return test.columns;
  if (test.type === 'not_null') return test.columns.length === 1 ? test.columns : [];
  return 'column' in test ? [test.column] : [];
}
