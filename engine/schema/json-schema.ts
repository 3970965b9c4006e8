import type { Column, SqlType } from './column.ts';
import type { Schema, Table } from './table.ts';

/** How a value stands in JSON: as DuckDB's `COPY … (FORMAT json)` and most other tools write it. */
const jsonTypes: Readonly<Record<SqlType, object>> = {
  BOOLEAN: { type: 'boolean' },
  TINYINT: { type: 'integer', minimum: -128, maximum: 127 },
  SMALLINT: { type: 'integer', minimum: -32_768, maximum: 32_767 },
  INTEGER: { type: 'integer', minimum: -2_147_483_648, maximum: 2_147_483_647 },
  BIGINT: { type: 'integer' },
  FLOAT: { type: 'number' },
  DOUBLE: { type: 'number' },
  VARCHAR: { type: 'string' },
  DATE: { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}$' },
  TIMESTAMP: { type: 'string', pattern: '^\\d{4}-\\d{2}-\\d{2}[ T]\\d{2}:\\d{2}:\\d{2}(\\.\\d{1,6})?Z?$' },
};

function columnSchema({ type, nullable, description, unit, oneOf, min, max }: Column): object {
  const value = {
    ...jsonTypes[type],
    ...(oneOf && { enum: oneOf }),
    ...(min !== undefined && { minimum: min }),
    ...(max !== undefined && { maximum: max }),
  };
  const said = { description, ...(unit !== undefined && { unit }) };
  return nullable ? { ...said, anyOf: [value, { type: 'null' }] } : { ...said, ...value };
}

const rowSchema = ({ description, columns }: Table): object => ({
  type: 'object',
  description,
  properties: Object.fromEntries(Object.entries(columns).map(([name, column]) => [name, columnSchema(column)])),
  required: Object.keys(columns),
  additionalProperties: false,
});

/** One definition a table, of a row of it: `#/$defs/orders`. */
export function printJsonSchema(schema: Schema, source: string): string {
  const document = {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $comment: `Generated from ${source}; change that file and run: pnpm pipeline schema print --write`,
    $defs: Object.fromEntries(Object.values(schema).map((table) => [table.name, rowSchema(table)])),
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
