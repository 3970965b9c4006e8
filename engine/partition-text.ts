import { type Expression, type SelectQueryBuilder, sql } from 'kysely';
import { stateOf } from './model.ts';
import type { SqlTypes } from './schema/table.ts';
import { cast } from './vocabulary/index.ts';

/**
 * Returns the text that names a partition in `partition_state` and between extracts and the engine: the values of its
 * columns, joined by `/`. Within a value `%` is `%25` and `/` is `%2F`; NULL is `%N`. So no two partitions share a
 * text, and the values can be read back from it.
 */
export const partitionText = (...values: readonly (string | null)[]): string => values.map(escapePart).join('/');

const escapePart = (value: string | null): string =>
  value === null ? '%N' : value.replaceAll('%', '%25').replaceAll('/', '%2F');

/** Returns the values that a partition text was made from. */
export const partitionValues = (text: string): readonly (string | null)[] =>
  text.split('/').map((part) => (part === '%N' ? null : part.replaceAll('%2F', '/').replaceAll('%25', '%')));

/** The value at a 1-based place of a partition text, for a column without NULLs. */
const partitionValueOf = (text: Expression<string>, place: number) =>
  sql`replace(replace(split_part(${text}, '/', ${sql.lit(place)}), '%2F', '/'), '%25', '%')`;

/** A partition that was built: the values that name it, and the digest of what it contains. */
type BuiltPartition<Columns> = { [Name in keyof Columns]: SqlTypes[Columns[Name] & keyof SqlTypes] } & {
  digest: string;
};

/**
 * Returns the partitions of a table that were built. `columns` are the table's partition columns in order, with their
 * types; none of them contains NULL.
 */
export function builtPartitions<const Columns extends Readonly<Record<string, 'VARCHAR' | 'DATE'>>>(
  db: { readonly selectFrom: unknown },
  table: string,
  columns: Columns,
) {
  const query = stateOf(db, table).select(({ ref }) => [
    ...Object.entries(columns).map(([name, type], at) =>
      cast(type, partitionValueOf(ref('partition'), at + 1)).as(name),
    ),
    'digest',
  ]);
  // biome-ignore lint/suspicious/noExplicitAny: as ReadQuery; which tables it reads is read from its operation tree
  return query as unknown as SelectQueryBuilder<any, any, BuiltPartition<Columns>>;
}

/** `partitionText` as SQL text. Only a VARCHAR can contain characters to escape. */
export function partitionTextSql(columns: readonly { readonly expression: string; readonly type: string }[]): string {
  if (columns.length === 0) return "''";
  const parts = columns.map(({ expression, type }) => {
    const text = `cast(${expression} as VARCHAR)`;
    const safe = type === 'VARCHAR' ? `replace(replace(${text}, '%', '%25'), '/', '%2F')` : text;
    return `coalesce(${safe}, '%N')`;
  });
  return `concat_ws('/', ${parts.join(', ')})`;
}

/** The value at a 1-based place of a partition text, as SQL text; NULL also if the text there is not of the type. */
export function partitionValueSql(text: string, place: number, type: string): string {
  const part = `split_part(${text}, '/', ${place})`;
  return `CASE WHEN ${part} <> '%N' THEN try_cast(replace(replace(${part}, '%2F', '/'), '%25', '%') as ${type}) END`;
}

/** A condition as SQL text: true if a partition text consists of values of these types. */
export function isPartitionTextSql(text: string, types: readonly string[]): string {
  const readable = types.map(
    (type, at) =>
      `(split_part(${text}, '/', ${at + 1}) = '%N' OR ${partitionValueSql(text, at + 1, type)} IS NOT NULL)`,
  );
  return [`len(string_split(${text}, '/')) = ${Math.max(types.length, 1)}`, ...readable].join(' AND ');
}
