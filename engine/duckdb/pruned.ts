import type { Table } from '../schema/table.ts';
import { quoteName, quoteText } from '../sql.ts';
import { partitionColumns } from './ddl.ts';
import { isDay, mappedValue, prunedName, type Source } from './partition-map.ts';
import type { Warehouse } from './warehouse.ts';

/**
 * Creates the relations that a model reads in place of its sources while some of its partitions are built: the rows that
 * matter to these partitions, by the map of each source.
 * @param building SQL relation: `part1` … of the partitions
 */
export async function createPruned(
  warehouse: Warehouse,
  { table, sources }: { readonly table: Table; readonly sources: readonly Source[] },
  building: string,
): Promise<void> {
  for (const source of sources) {
    const rows = await prunedRows(warehouse, table, source, building);
    if (rows !== undefined)
      await warehouse.run(`CREATE OR REPLACE TEMP VIEW ${quoteName(prunedName(source))} AS ${rows}`);
  }
}

async function prunedRows(
  warehouse: Warehouse,
  model: Table,
  source: Source,
  building: string,
): Promise<string | undefined> {
  const name = quoteName(source.table.name);
  const { map } = source;
  if (map.kind === 'days') {
    const [from, until] = [quoteName(map.from), quoteName(map.until)];
    const { first, last } = await warehouse.row<{ first: string | null; last: string | null }>(
      `SELECT cast(min(part1) as VARCHAR) AS first, cast(max(part1) as VARCHAR) AS last FROM ${building}`,
    );
    if (first === null || last === null) return `SELECT * FROM ${name} WHERE false`;
    const [low, high] = [first, last].map((day) => `DATE ${quoteText(day)}`);
    return `SELECT * REPLACE (greatest(${from}, ${low}) AS ${from}, least(${until}, ${high}) AS ${until}) FROM ${name}
      WHERE ${from} <= ${high} AND ${until} >= ${low}`;
  }
  if (map.kind !== 'columns' || map.parts.length === 0) return undefined;
  const parts = partitionColumns(model);
  const needed = quoteName(`${prunedName(source)} needed`);
  const values = map.parts.map(({ at }) => {
    const back = map.daysBack > 0 && isDay(parts[at] as (typeof parts)[number]) ? ' - back' : '';
    return `part${at + 1}${back} AS part${at + 1}`;
  });
  const days = map.daysBack > 0 ? `, (SELECT range::INTEGER AS back FROM range(${map.daysBack + 1}))` : '';
  await warehouse.run(
    `CREATE OR REPLACE TEMP TABLE ${needed} AS SELECT DISTINCT ${values.join(', ')} FROM ${building}${days}`,
  );
  const conditions = map.parts.map((mapped) => {
    const part = parts[mapped.at] as (typeof parts)[number];
    const isNullable = part.nullable || source.table.columns[mapped.column]?.nullable;
    return `${mappedValue(mapped, part, name)} ${isNullable ? 'IS NOT DISTINCT FROM' : '='} needed.part${mapped.at + 1}`;
  });
  const within: string[] = [];
  for (const mapped of map.parts) {
    const part = parts[mapped.at] as (typeof parts)[number];
    if (part.type !== 'DATE' || part.nullable) continue;
    // The join compares values; a range of the column itself lets DuckDB skip what lies outside.
    const next = part.isMonth ? '1 MONTH' : '1 DAY';
    const { first, end } = await warehouse.row<{ first: string | null; end: string | null }>(
      `SELECT cast(min(part${mapped.at + 1}) as VARCHAR) AS first,
        cast(cast(max(part${mapped.at + 1}) + INTERVAL ${next} as DATE) as VARCHAR) AS end FROM ${needed}`,
    );
    if (first === null || end === null || `${first}${end}`.includes('infinity')) continue;
    const column = `${name}.${quoteName(mapped.column)}`;
    within.push(`${column} >= DATE ${quoteText(first)}`, `${column} < DATE ${quoteText(end)}`);
  }
  const where = within.length === 0 ? '' : ` WHERE ${within.join(' AND ')}`;
  return `SELECT * FROM ${name} SEMI JOIN ${needed} AS needed ON ${conditions.join(' AND ')}${where}`;
}
