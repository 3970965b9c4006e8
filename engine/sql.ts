import { type Expression, type RawBuilder, sql } from 'kysely';
import type { SqlType, SqlTypes } from './schema/table.ts';

/**
 * A raw fragment with a cast that enforces its SQL type, so that its TypeScript type is always right:
 * `cast('DOUBLE', sql`percent_rank() over (…)`)` is a `number`.
 */
function castTo<Type extends SqlType>(type: Type, expression: Expression<unknown>): RawBuilder<SqlTypes[Type]> {
  return sql<SqlTypes[Type]>`cast(${expression} as ${sql.raw(type)})`;
}

/** The same for a result that may be NULL. */
function castNullable<Type extends SqlType>(
  type: Type,
  expression: Expression<unknown>,
): RawBuilder<SqlTypes[Type] | null> {
  return sql<SqlTypes[Type] | null>`cast(${expression} as ${sql.raw(type)})`;
}

export const cast = Object.assign(castTo, { nullable: castNullable });

/** `"name"`, with inner quotes doubled. */
export const quoteName = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** Lowercases ASCII letters only: DuckDB treats names that differ only in their case as equal. */
export const lowerCase = (name: string): string => name.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());

/** Returns the wanted name if it is free, or a variant that is not taken. */
export function freeName(wanted: string, taken: Iterable<string>): string {
  const names = new Set([...taken].map(lowerCase));
  let name = wanted;
  while (names.has(lowerCase(name))) name = `${name}_`;
  return name;
}

/** `'text'`, with inner quotes doubled. */
export const quoteText = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** `TIMESTAMP '2025-07-10 09:00:00.000'`, UTC. */
export const timestampLiteral = (time: Date): string =>
  `TIMESTAMP ${quoteText(time.toISOString().replace('T', ' ').replace('Z', ''))}`;

/** How SQL reads the run's clock; the result of SQL that contains this text may change with time alone. */
export const clockSql = "getvariable('as_of')";

/** Decimals of a sum; they leave 25 digits before the point. */
const decimals = 13;

/**
 * The decimals that the shortest text of a DOUBLE below a limit may have: 17 significant digits tell all doubles apart.
 * A DECIMAL of 18 digits holds that text exactly, and reading one takes a tenth of the time that 38 digits take.
 */
const tiers = [
  [1e5, decimals],
  [1e7, 11],
  [1e9, 9],
  [1e11, 7],
  [1e13, 5],
  [1e15, 3],
  [1e17, 1],
] as const;
const [largest] = tiers.at(-1) as (typeof tiers)[number];

/** Converts a DOUBLE to the DECIMAL of its shortest text, rounded to 13 decimals; NULL from 1e17 on. */
export function exactDecimal(amount: Expression<unknown>): RawBuilder<unknown> {
  const size = sql`abs(${amount})`;
  const text = sql`cast(${amount} as VARCHAR)`;
  const cases = tiers.map(
    ([limit, scale]) => sql`when ${size} < ${sql.lit(limit)} then cast(${text} as DECIMAL(18, ${sql.lit(scale)}))`,
  );
  return sql`cast(case ${sql.join(cases, sql` `)} end as DECIMAL(38, ${sql.lit(decimals)}))`;
}

/**
 * The exact sum of DOUBLE values that were read from decimal texts of up to 13 decimals, rounded once, so that the
 * order in which threads add does not matter (B21) and a sum of published figures equals the published sum (B32). NULL
 * if there are no values.
 *
 * Each value counts as its shortest text, which is the text it was read from as long as a DOUBLE can tell such texts
 * apart. A group with a value of 1e17 or more, which has no decimals left, is added up as DOUBLE. If the same values
 * are summed in several ways, compute `decimal` once: it is most of the work.
 */
export function exactSum(
  amount: Expression<unknown>,
  decimal: Expression<unknown> = exactDecimal(amount),
): RawBuilder<number | null> {
  // A cast from DECIMAL to DOUBLE divides, and may round twice; one from a text does not.
  const exact = sql`cast(cast(sum(${decimal}) as VARCHAR) as DOUBLE)`;
  return cast.nullable(
    'DOUBLE',
    sql`case when max(abs(${amount})) >= ${sql.lit(largest)} then sum(${amount}) else ${exact} end`,
  );
}
