import type { Pipeline } from './config/load.ts';
import { type TestValue, typeOf } from './duckdb/dialect.ts';
import { PipelineError } from './errors.ts';
import type { TestNode } from './graph/graph.ts';
import type { SqlType } from './schema/column.ts';
import type { Schema, Table } from './schema/table.ts';
import { boundText, valueText } from './schema/value-text.ts';

/**
 * Refuses a value of a test that no value of its column could be, such as `no` for an INTEGER, and a comparison of columns
 * of which one would be rounded or parsed (B31).
 * @throws PipelineError CONFIG_INVALID at the value
 */
export function checkTestValues(
  pipeline: Pipeline,
  { spec, parent = '' }: TestNode,
  table: Table,
  schema: Schema,
): void {
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
  if (spec.type === 'relationships') {
    const [other = '', key = ''] = spec.to.split('.');
    const [type, otherType] = [typeOf(table, spec.column), schema[other] && typeOf(schema[other], key)];
    if (otherType !== undefined && !areComparable(type, otherType)) {
      throw new PipelineError('CONFIG_INVALID', `${model}.${spec.column} is ${type} and ${spec.to} is ${otherType}`, {
        file: pipeline.file,
        ...pipeline.at(['models', model, 'tests', index, spec.type, 'to']),
        hint: 'DuckDB would round or parse one of them: compare columns of one type, or write a custom test',
      });
    }
  }
  if (spec.type === 'range') {
    const type = typeOf(table, spec.column);
    for (const which of ['min', 'max'] as const)
      check(spec[which], boundText(String(spec[which]), type, which) !== undefined, which);
  }
}

const families: readonly (readonly SqlType[])[] = [
  ['TINYINT', 'SMALLINT', 'INTEGER', 'BIGINT'],
  ['FLOAT', 'DOUBLE'],
  // A DOUBLE has every value of these.
  ['TINYINT', 'SMALLINT', 'INTEGER', 'DOUBLE'],
  ['DATE', 'TIMESTAMP'],
];

/** Whether DuckDB compares values of two types without changing one. */
const areComparable = (a: SqlType, b: SqlType): boolean =>
  a === b || families.some((family) => family.includes(a) && family.includes(b));
