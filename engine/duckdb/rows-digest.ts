import { partitionTextSql } from '../partition-text.ts';
import type { PartitionPart, Table } from '../schema/table.ts';
import { quoteName } from '../sql.ts';

/**
 * The prefix of every digest: its version, and DuckDB's hash of a value of each type. Digests taken another way
 * therefore differ, and their partitions count as unknown.
 */
const way = `'1-' || hash(true, 1::TINYINT, 2::SMALLINT, 3::INTEGER, 4::BIGINT, 0.5::FLOAT, 0.1::DOUBLE, DATE '2025-07-10',
  TIMESTAMP '2025-07-10 09:00:00.000001', 'text', 'a text of more than twelve bytes', NULL::VARCHAR)`;

/** SQL for the digest of zero rows. */
export const digestOfNothing = `${way} || '-0-0'`;

/**
 * SQL: each partition that has rows, with their digest, which does not depend on their order. Every row is hashed as a
 * whole, so swapped values are detected. `joined` is the partition's name for extracts that do not use `partitionText`
 * and join its values as they are. `from` contains the rows, by default the table; `of` is a join that restricts them; the columns
 * `without` do not count.
 */
export function rowsDigests(
  table: Table,
  { from = quoteName(table.name), of = '', without = [] as readonly string[] } = {},
): string {
  const name = quoteName(table.name);
  const counted = Object.keys(table.columns).filter((column) => !without.includes(column));
  const columns = counted.map((column) => `${name}.${quoteName(column)}`);
  const parts = (table.partition ?? []).map((part, at) => groupOf(table, part, `part${at + 1}`));
  const digest = `count(*) || '-' || ${columns.length === 0 ? '0' : `coalesce(sum(hash(${columns.join(', ')})), 0)`} AS rows_digest`;
  const inner = [...parts.map(({ expression, as }) => `${expression} AS ${as}`), digest].join(', ');
  const values = parts.map(({ value }) => `coalesce(cast(${value} as VARCHAR), '')`);
  return `SELECT ${partitionTextSql(parts.map(({ value, type }) => ({ expression: value, type })))} AS partition,
      ${values.length === 0 ? "''" : `concat(${values.join(", '/', ")})`} AS joined, ${way} || '-' || rows_digest AS rows_digest
    FROM (SELECT ${inner} FROM ${from} AS ${name} ${of}${parts.length === 0 ? '' : ' GROUP BY ALL'})`;
}

/** SQL: the same digests under the partition names used by `states`, a relation with a column `partition`. */
export const namedDigests = (digests: string, states: string): string =>
  `SELECT coalesce(exact.partition, plain.partition, found.partition) AS partition, found.rows_digest AS rows_digest
    FROM (${digests}) AS found LEFT JOIN ${states} AS exact ON exact.partition = found.partition
      LEFT JOIN ${states} AS plain ON plain.partition = found.joined AND exact.partition IS NULL`;

interface Group {
  readonly expression: string;
  readonly as: string;
  /** The value that names the partition; `type` is its type. */
  readonly value: string;
  readonly type: string;
}

/** Months are grouped by number, since truncating each timestamp takes a third of the total time of a digest. */
function groupOf(table: Table, part: PartitionPart, as: string): Group {
  const name = quoteName(table.name);
  if (typeof part === 'string') {
    const type = table.columns[part]?.type ?? 'VARCHAR';
    return { expression: `${name}.${quoteName(part)}`, as, value: as, type };
  }
  const column = `${name}.${quoteName(part.month)}`;
  const value = `make_date(${as} // 12, ${as} % 12 + 1, 1)`;
  return { expression: `year(${column}) * 12 + month(${column}) - 1`, as, value, type: 'DATE' };
}
