import { PipelineError } from '../errors.ts';
import { checkCondition } from './conditions.ts';
import { type Column, hasPrimaryKey, type IndexPart, type PartitionPart, type Schema, type Table } from './table.ts';

const code = (text: string) => `\`${text}\``;
const codes = (names: readonly string[]) => names.map(code).join(', ');
const cell = (text: string) => text.replaceAll('|', '\\|');

/** Returns the text of docs/tables.md: the relations as a diagram, then every table with its columns. */
export function printTablesPage(schema: Schema, source: string): string {
  const tables = Object.values(schema);
  return [
    `<!-- Generated from ${source}; change that file and run: pnpm pipeline schema print --write -->`,
    '# Tables',
    `Every table and column of the warehouse, as [${source}](../${source}) defines them. Times are UTC.`,
    [
      '```mermaid',
      'erDiagram',
      ...tables.flatMap((table) => relations(table, schema)),
      ...tables.map(entity),
      '```',
    ].join('\n'),
    ...tables.flatMap(section),
    '',
  ]
    .join('\n\n')
    .trimEnd()
    .concat('\n');
}

/** References are not enforced: a row may refer to a missing one. */
const relations = ({ name, references = {} }: Table, schema: Schema): readonly string[] =>
  Object.entries(references).map(([other, columns]) => {
    if (schema[other] === undefined) {
      throw new PipelineError('MODULE_INVALID', `${name} refers to ${other}, which is not a table`, {
        hint: `tables: ${Object.keys(schema).join(', ')}`,
      });
    }
    return `  ${other} ||--o{ ${name} : "${columns.join(', ')}"`;
  });

/** Shows only the columns that connect tables; a diagram of all columns would be unreadable. */
function entity(table: Table): string {
  const tied = new Set([...table.key, ...Object.values(table.references ?? {}).flat()]);
  const lines = [...tied].map((name) => {
    const marks = [
      ...(table.key.includes(name) ? ['PK'] : []),
      ...(Object.values(table.references ?? {}).some((columns) => columns.includes(name)) ? ['FK'] : []),
    ];
    return `    ${table.columns[name]?.type} ${name} ${marks.join(', ')}`;
  });
  return [`  ${table.name} {`, ...lines, '  }'].join('\n');
}

function section(table: Table): readonly string[] {
  const partition = (part: PartitionPart) => (typeof part === 'string' ? code(part) : `month of ${code(part.month)}`);
  const indexPart = (part: IndexPart) => (typeof part === 'string' ? code(part) : `${code(part.desc)} descending`);
  const facts = [
    ...(table.kind === 'source' ? ['Read from files while a model is built; not in the warehouse.'] : []),
    ...(table.kind === 'view' ? ['A view: computed when it is read.'] : []),
    ...(table.key.length > 0
      ? [`Key: ${codes(table.key)}, ${hasPrimaryKey(table) ? 'a primary key' : 'held by replacing whole partitions'}.`]
      : []),
    ...(table.partition?.length ? [`Partition: ${table.partition.map(partition).join(', ')}.`] : []),
    ...Object.entries(table.indexes ?? {}).map(
      ([name, parts]) => `Index of a published database, ${code(name)}: ${parts.map(indexPart).join(', ')}.`,
    ),
    ...(table.checks ?? []).map((check) => `Check: ${code(checkCondition(check).replaceAll('"', ''))}.`),
    ...Object.entries(table.references ?? {}).map(
      ([other, columns]) => `Refers to ${code(other)} by ${codes(columns)}.`,
    ),
  ];
  const rows = Object.entries(table.columns).map(([name, column]) => {
    const { type, nullable, description, unit = '' } = column;
    return `| ${[code(name), type, nullable ? 'yes' : '', unit, `${description}${limits(column)}`].map(cell).join(' | ')} |`;
  });
  return [
    `## ${table.name}`,
    table.description,
    ...(facts.length > 0 ? [facts.map((fact) => `- ${fact}`).join('\n')] : []),
    ['| column | type | NULL | unit | what |', '|---|---|---|---|---|', ...rows].join('\n'),
  ];
}

function limits({ oneOf, min, max }: Column): string {
  if (oneOf !== undefined) return ` One of ${codes(oneOf)}.`;
  if (min !== undefined && max !== undefined) return ` From ${min} to ${max}.`;
  if (min !== undefined) return ` At least ${min}.`;
  return max === undefined ? '' : ` At most ${max}.`;
}
