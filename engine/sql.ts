import { type Expression, type RawBuilder, sql } from 'kysely';
import type { SqlType, SqlTypes } from './schema/column.ts';

/**
 * A raw fragment whose SQL type is made true by a cast, so that its TypeScript type cannot lie:
 * `cast('DOUBLE', sql`percent_rank() over (…)`)` is a `number`.
 */
function castTo<Type extends SqlType>(type: Type, expression: Expression<unknown>): RawBuilder<SqlTypes[Type]> {
  return sql<SqlTypes[Type]>`cast(${expression} as ${sql.raw(type)})`;
}

/** The same where NULL is an answer. */
function castNullable<Type extends SqlType>(
  type: Type,
  expression: Expression<unknown>,
): RawBuilder<SqlTypes[Type] | null> {
  return sql<SqlTypes[Type] | null>`cast(${expression} as ${sql.raw(type)})`;
}

export const cast = Object.assign(castTo, { nullable: castNullable });

/** `"name"`, with quotes inside doubled. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** DuckDB takes names for the same that differ only in the case of ASCII letters. */
export const lowerCase = (name: string): string => name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

/** A name that none of these is: the wanted one, where it is free. */
export function freeName(wanted: string, taken: Iterable<string>): string {
  const names = new Set([...taken].map(lowerCase));
  let name = wanted;
  while (names.has(lowerCase(name))) name = `${name}_`;
  return name;
}

/** `'text'`, with quotes inside doubled. */
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** `TIMESTAMP '2025-07-10 09:00:00.000'`, UTC. */
export const timestampLiteral = (time: Date): string =>
  `TIMESTAMP ${quoteText(time.toISOString().replace('T', ' ').replace('Z', ''))}`;

/** How SQL reads the run's clock; what has this text in it may turn out otherwise with nothing but time. */
export const clockSql = "getvariable('as_of')";
