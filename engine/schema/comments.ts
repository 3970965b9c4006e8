/**
 * The comments of tables and columns store the parts of a definition that DuckDB does not keep: units, keys that no
 * index enforces, partitions, references, and the indexes, which only a published database has. People can read them, and
 * the engine parses them.
 */
import type { Column, IndexPart, PartitionPart, Table } from './table.ts';

export const columnComment = ({ description, unit }: Pick<Column, 'description' | 'unit'>): string =>
  unit === undefined ? description : `${description} [${unit}]`;

export function parseColumnComment(comment: string): Pick<Column, 'description' | 'unit'> {
  const [, description, unit] = /^(.*\.) \[(.*)\]$/s.exec(comment) ?? [];
  return description === undefined || unit === undefined ? { description: comment } : { description, unit };
}

const indexText = (part: IndexPart): string => (typeof part === 'string' ? part : `${part.desc} DESC`);
const partitionText = (part: PartitionPart): string => (typeof part === 'string' ? part : `month of ${part.month}`);

/** Returns the description, then a line for each fact that only a comment can keep. */
export function tableComment(table: Table): string {
  return [
    table.description,
    ...(table.keyHeldBy === 'partition' ? [`Key, held by replacing partitions: ${table.key.join(', ')}`] : []),
    ...(table.partition?.length ? [`Partition: ${table.partition.map(partitionText).join(', ')}`] : []),
    ...Object.entries(table.indexes ?? {}).map(([name, parts]) => `Index ${name}: ${parts.map(indexText).join(', ')}`),
    ...Object.entries(table.references ?? {}).map(([other, columns]) => `Refers to ${other}: ${columns.join(', ')}`),
  ].join('\n');
}

type FromComment = Pick<Table, 'description' | 'keyHeldBy' | 'partition' | 'references' | 'indexes'> & {
  readonly key?: readonly string[];
};

const remark = /^(?:(Key, held by replacing partitions|Partition)|(Index|Refers to) (.+?)): (.*)$/;

export function parseTableComment(comment: string): FromComment {
  const description: string[] = [];
  const partition: PartitionPart[] = [];
  const indexes: Record<string, IndexPart[]> = {};
  const references: Record<string, readonly string[]> = {};
  let key: readonly string[] | undefined;
  for (const line of comment.split('\n')) {
    const [, label, named, name = '', list = ''] = remark.exec(line) ?? [];
    const items = list === '' ? [] : list.split(', ');
    if (label === 'Partition') partition.push(...items.map(parsePartition));
    else if (label !== undefined) key = items;
    else if (named === 'Index') indexes[name] = items.map(parseIndex);
    else if (named !== undefined) references[name] = items;
    else description.push(line);
  }
  return {
    description: description.join('\n'),
    ...(key && { key, keyHeldBy: 'partition' as const }),
    ...(partition.length > 0 && { partition }),
    ...(Object.keys(indexes).length > 0 && { indexes }),
    ...(Object.keys(references).length > 0 && { references }),
  };
}

const parsePartition = (text: string): PartitionPart =>
  text.startsWith('month of ') ? { month: text.slice('month of '.length) } : text;

const parseIndex = (text: string): IndexPart =>
  text.endsWith(' DESC') ? { desc: text.slice(0, -' DESC'.length) } : text;
