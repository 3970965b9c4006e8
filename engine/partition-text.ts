import { type Expression, sql } from 'kysely';
import { cast } from './sql.ts';

/**
 * The text that names a partition in `partition_state` and between extracts and the engine: the values of its columns,
 * joined by `/`. Within a value `%` is `%25` and `/` is `%2F`; NULL is `%N`. So no two partitions share a text, and each
 * text leads back to its values.
 */
export const partitionText = (...values: readonly (string | null)[]): string => values.map(escapePart).join('/');

const escapePart = (value: string | null): string =>
  value === null ? '%N' : value.replaceAll('%', '%25').replaceAll('/', '%2F');

/** The values that a partition text was made of. */
export const partitionValues = (text: string): readonly (string | null)[] =>
  text.split('/').map((part) => (part === '%N' ? null : part.replaceAll('%2F', '/').replaceAll('%25', '%')));

/** `partitionText` in a query. */
export const partitionTextOf = (...values: readonly Expression<unknown>[]) =>
  cast('VARCHAR', sql`concat_ws('/', ${sql.join(values.map(escaped))})`);

const escaped = (value: Expression<unknown>) =>
  sql`coalesce(replace(replace(cast(${value} as VARCHAR), '%', '%25'), '/', '%2F'), '%N')`;

/** The value at a place of a partition text, from 1 on, of a column that has no NULL. */
export const partitionValueOf = (text: Expression<string>, place: number) =>
  cast('VARCHAR', sql`replace(replace(split_part(${text}, '/', ${sql.lit(place)}), '%2F', '/'), '%25', '%')`);

/** `partitionText` as SQL text. Only a VARCHAR holds what has to be escaped. */
export function partitionTextSql(columns: readonly { readonly expression: string; readonly type: string }[]): string {
  if (columns.length === 0) return "''";
  const parts = columns.map(({ expression, type }) => {
    const text = `cast(${expression} as VARCHAR)`;
    const safe = type === 'VARCHAR' ? `replace(replace(${text}, '%', '%25'), '/', '%2F')` : text;
    return `coalesce(${safe}, '%N')`;
  });
  return `concat_ws('/', ${parts.join(', ')})`;
}

/** The value at a place of a partition text, from 1 on, as SQL text; NULL also where the text is of no such value. */
export function partitionValueSql(text: string, place: number, type: string): string {
  const part = `split_part(${text}, '/', ${place})`;
  return `CASE WHEN ${part} <> '%N' THEN try_cast(replace(replace(${part}, '%2F', '/'), '%25', '%') as ${type}) END`;
}

/** Whether a partition text is one of values of these types, as SQL text. */
export function isPartitionTextSql(text: string, types: readonly string[]): string {
  const readable = types.map(
    (type, at) =>
      `(split_part(${text}, '/', ${at + 1}) = '%N' OR ${partitionValueSql(text, at + 1, type)} IS NOT NULL)`,
  );
  return [`len(string_split(${text}, '/')) = ${Math.max(types.length, 1)}`, ...readable].join(' AND ');
}
