import type { Pipeline } from './config/load.ts';
import { type TestValue, typeOf } from './duckdb/test-values.ts';
import { PipelineError } from './errors.ts';
import type { TestNode } from './graph/graph.ts';
import type { Table } from './schema/table.ts';
import { boundText, valueText } from './schema/value-text.ts';

/**
 * Refuses a value of a test that no value of its column could be, such as `no` for an INTEGER (B31).
 * @throws PipelineError CONFIG_INVALID at the value
 */
export function checkTestValues(pipeline: Pipeline, { spec, parent = '' }: TestNode, table: Table): void {
  const model = parent.replace(/^model\./, '');
  const index = pipeline.spec.models[model]?.tests.indexOf(spec) ?? 0;
  const check = (value: TestValue | undefined, isValue: boolean, ...path: readonly (string | number)[]): void => {
    if (value === undefined || isValue || !('column' in spec)) return;
    const type = typeOf(table, spec.column);
    throw new PipelineError(
      'CONFIG_INVALID',
      `\`${value}\` is not a value of ${model}.${spec.column}, which is ${type}`,
      {
        file: pipeline.file,
        ...pipeline.at(['models', model, 'tests', index, spec.type, ...path]),
        value: String(value),
        hint: `write a value of type ${type}`,
      },
    );
  };
  if (spec.type === 'accepted_values') {
    const type = typeOf(table, spec.column);
    for (const [place, value] of spec.values.entries())
      check(value, valueText(String(value), type) !== undefined, 'values', place);
  }
  if (spec.type === 'range') {
    const type = typeOf(table, spec.column);
    for (const which of ['min', 'max'] as const)
      check(spec[which], boundText(String(spec[which]), type, which) !== undefined, which);
  }
}
