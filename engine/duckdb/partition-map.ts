import { PipelineError } from '../errors.ts';
import type { TableRead } from '../lineage.ts';
import type { SourceMap } from '../model.ts';
import type { SqlType, Table } from '../schema/table.ts';
import { quoteName } from '../sql.ts';
import { type PartitionColumn, partitionColumns } from './ddl.ts';

/** A partition column of a model and the column of the source that it is taken from. */
export interface MappedPart {
  /** Place among the partition columns of the model. */
  readonly at: number;
  readonly column: string;
  readonly type: SqlType;
}

/** How rows of a source map to partitions; see `SourceMap`, which authors write. */
export type PartitionMap =
  | { readonly kind: 'whole' }
  | {
      readonly kind: 'columns';
      readonly parts: readonly MappedPart[];
      /** False if rows matter whatever the value of some partition column. */
      readonly isComplete: boolean;
      readonly daysBack: number;
    }
  | { readonly kind: 'days'; readonly from: string; readonly until: string }
  | { readonly kind: 'through'; readonly table: string; readonly on: readonly string[] };

/** A source of a model: a table, or a table under some of its names in the query. */
export interface Source {
  /** The key of its line in `sources`: `orders`, or `orders as other`. */
  readonly name: string;
  readonly table: Table;
  /** The columns that the query reads, in the order of the table. */
  readonly columns: readonly string[];
  readonly map: PartitionMap;
}

interface Reading {
  readonly model: Table;
  /** Path of the model's module, for errors. */
  readonly file: string;
  readonly reads: readonly TableRead[];
  readonly declared: Readonly<Record<string, SourceMap>>;
  readonly tables: Readonly<Record<string, Table>>;
}

/**
 * Returns the sources of a model, with the map of each: as declared, or by columns of the same name.
 * @throws PipelineError SOURCES_INVALID naming the source that is declared but not read, or how its rows are to be mapped
 */
export function sourcesOfModel({ model, file, reads, declared, tables }: Reading): readonly Source[] {
  const columns = new Map<string, Set<string>>();
  for (const { table, alias, columns: read } of reads) {
    const name = declared[`${table} as ${alias}`] === undefined ? table : `${table} as ${alias}`;
    columns.set(name, new Set([...(columns.get(name) ?? []), ...read]));
  }
  // Which tables are read may depend on vars, so a line of a table that is not read is as it should be.
  const tablesRead = new Set(reads.map(({ table }) => table));
  const isRead = (name: string) => !name.includes(' as ') || !tablesRead.has(tableOf(name)) || columns.has(name);
  const unread = Object.keys(declared).find((name) => !isRead(name));
  if (unread !== undefined) {
    throw new PipelineError(
      'SOURCES_INVALID',
      `${model.name} declares the source ${unread}, which its query does not read`,
      {
        file,
        key: unread,
        hint: `the query reads ${[...columns.keys()].sort().join(', ')}`,
      },
    );
  }
  return [...columns]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, read]) => {
      const table = tables[tableOf(name)];
      if (table === undefined) return [];
      const map = partitionMap(model, { name, table, file }, declared[name]);
      return [{ name, table, columns: Object.keys(table.columns).filter((column) => read.has(column)), map }];
    });
}

/** The table of a source: `orders` of `orders as other`. */
const tableOf = (name: string): string => name.split(' as ', 1)[0] as string;

interface Named {
  readonly name: string;
  readonly table: Table;
  readonly file: string;
}

function partitionMap(model: Table, source: Named, declared: SourceMap | undefined): PartitionMap {
  const parts = partitionColumns(model);
  if (declared === 'whole' || parts.length === 0) return { kind: 'whole' };
  if (declared !== undefined && 'through' in declared) {
    for (const column of declared.on) columnOf(source, column);
    return { kind: 'through', table: declared.through, on: declared.on };
  }
  const { by, looksBack } = declared ?? {};
  const days = Object.values(by ?? {}).find((columns) => typeof columns === 'object');
  if (days !== undefined) {
    const [from, until] = days as readonly [string, string];
    for (const column of [from, until]) columnOf(source, column);
    if (parts.length > 1 || parts[0]?.type !== 'DATE' || parts[0].isMonth || looksBack !== undefined)
      throw invalid(
        source,
        'maps days from one column to another, which takes a model that is partitioned by one DATE',
      );
    return { kind: 'days', from, until };
  }
  const mapped = parts.flatMap((part, at) => {
    const column = by === undefined ? part.column : by[part.name];
    return column === undefined ? [] : [mappedPart(model, source, part, at, column as string)];
  });
  const daysBack = looksBack === undefined ? 0 : daysOf(source, looksBack);
  if (daysBack > 0 && !mapped.some(({ at }) => isDay(parts[at] as PartitionColumn)))
    throw invalid(source, 'looks back, which takes a partition column of type DATE');
  return { kind: 'columns', parts: mapped, isComplete: mapped.length === parts.length, daysBack };
}

/** True for a partition column whose values are days. */
export const isDay = ({ type, isMonth }: PartitionColumn): boolean => type === 'DATE' && !isMonth;

/** The number in `30 days`. */
export function daysOf(source: Named, text: string): number {
  const [, days] = /^(\d+) days?$/.exec(text) ?? [];
  if (days === undefined) throw invalid(source, `says ${text}`, 'write a number of days: 30 days');
  return Number(days);
}

function mappedPart(model: Table, source: Named, part: PartitionColumn, at: number, column: string): MappedPart {
  if (source.table.columns[column] === undefined) {
    throw invalid(
      source,
      `has no column ${column}, by which ${model.name} is partitioned`,
      `say which partitions its rows matter to: sources: { '${source.name}': { by: { ${part.name}: '…' } } }, or 'whole' if it is all of them`,
    );
  }
  const { type } = source.table.columns[column];
  const isTime = type === 'TIMESTAMP' || type === 'DATE';
  if (type === part.type || (part.type === 'DATE' && isTime)) return { at, column, type };
  throw invalid(source, `has ${column} as ${type}, and ${model.name} is partitioned by ${part.type}`);
}

function columnOf(source: Named, column: string): void {
  if (source.table.columns[column] === undefined) throw invalid(source, `has no column ${column}`);
}

const invalid = ({ name, file }: Named, what: string, hint = `change the line of ${name} in sources`): PipelineError =>
  new PipelineError('SOURCES_INVALID', `the source ${name} ${what}`, { file, key: name, hint });

/** SQL: the value of a partition column that rows of a source, under an alias, map to. */
export function mappedValue({ column, type }: MappedPart, part: PartitionColumn, alias: string): string {
  const own = `${alias}.${quoteName(column)}`;
  if (part.isMonth) return `cast(date_trunc('month', ${own}) as DATE)`;
  return type === part.type ? own : `cast(${own} as ${part.type})`;
}

/** The relation that a model reads in place of a source that is pruned; no table of a project has such a name. */
export const prunedName = ({ name }: Pick<Source, 'name'>): string => `$${name}`;

/** True if a model need not read all of a source to build some of its partitions. */
export const isPruned = ({ map }: Source): boolean =>
  map.kind === 'days' || (map.kind === 'columns' && map.parts.length > 0);
