import { type ErrorDetails, PipelineError } from '../errors.ts';
import { columnConditions } from './conditions.ts';
import { type Change, diffSchemas } from './diff.ts';
import type { Column, Schema, SqlType } from './table.ts';

type Words = { readonly [Kind in Change['kind']]: (change: Extract<Change, { kind: Kind }>) => string };

const list = (names: readonly string[]) => names.join(', ') || 'nothing';
const keyText = (columns: readonly string[]) =>
  columns.length === 0 ? 'no primary key' : `the primary key (${list(columns)})`;
const conditions = (sql: readonly string[]) =>
  sql.length === 0 ? 'allows any value' : `requires ${sql.join(' and ')}`;
const defaultText = (value: string | undefined) => (value === undefined ? 'no default' : `the default ${value}`);
const quoted = (text: string) => (text === '' ? 'none' : `"${text.replaceAll('\n', ' / ')}"`);
const columnText = (column: string, { type, nullable, ...rest }: Column) =>
  [
    column,
    type,
    ...(nullable ? [] : ['NOT NULL']),
    ...columnConditions(column, { type, nullable, ...rest }).map((sql) => `CHECK (${sql})`),
  ].join(' ');

const driftWords: Words = {
  'table added': ({ table }) => `there is no table ${table}`,
  'table dropped': ({ table }) => `there is a table ${table} that the definition lacks`,
  'table renamed': ({ table, from }) => `${table} is called ${from}`,
  'column added': ({ table, column, to }) =>
    `${table}.${column} is missing; the definition has ${columnText(column, to)}`,
  'column dropped': ({ table, column, from }) => `${table}.${column} (${from.type}) is not in the definition`,
  'column renamed': ({ table, column, from }) => `${table}.${column} is called ${from}`,
  type: ({ table, column, from, to }) => `${table}.${column} is ${from}, the definition says ${to}`,
  nullability: ({ table, column, nullable }) =>
    nullable
      ? `${table}.${column} is NOT NULL, the definition allows NULL`
      : `${table}.${column} may be NULL, the definition says NOT NULL`,
  default: ({ table, column, from, to }) =>
    `${table}.${column} has ${defaultText(from)}, the definition has ${defaultText(to)}`,
  limits: ({ table, column, from, to }) => `${table}.${column} ${conditions(from)}, the definition ${conditions(to)}`,
  order: ({ table, to }) => `${table} has its columns in another order; the definition says ${list(to)}`,
  key: ({ table, from, to }) => `${table} has ${keyText(from)}, the definition has ${keyText(to)}`,
  'constraint added': ({ table, condition }) => `${table} lacks the check ${condition}`,
  'constraint dropped': ({ table, condition }) => `${table} has a constraint that the definition lacks: ${condition}`,
  'index dropped': ({ table, index, columns }) =>
    `${table} has an index ${index} on ${list(columns)} that the definition lacks`,
  comment: ({ table, column, from, to }) =>
    `the comment of ${table}${column === undefined ? '' : `.${column}`} is ${quoted(from)}, the definition gives ${quoted(to)}`,
};

const stepWords: Words = {
  'table added': ({ table }) => `create ${table}`,
  'table dropped': ({ table }) => `drop ${table} and all its rows`,
  'table renamed': ({ table, from }) => `rename ${from} to ${table}`,
  'column added': ({ table, column, to }) => `${table}: add ${columnText(column, to)}`,
  'column dropped': ({ table, column, from }) => `${table}: drop ${column} ${from.type} and all its values`,
  'column renamed': ({ table, column, from }) => `${table}: rename ${from} to ${column}`,
  type: ({ table, column, from, to }) => `${table}: change ${column} from ${from} to ${to}`,
  nullability: ({ table, column, nullable }) => `${table}: ${column} ${nullable ? 'may be' : 'may no longer be'} NULL`,
  default: ({ table, column, to }) => `${table}: ${column} gets ${defaultText(to)}`,
  limits: ({ table, column, to }) => `${table}: ${column} ${conditions(to)}`,
  order: ({ table, to }) => `${table}: put its columns in the order ${list(to)}`,
  key: ({ table, to }) => `${table}: give it ${keyText(to)}`,
  'constraint added': ({ table, condition }) => `${table}: check ${condition}`,
  'constraint dropped': ({ table, condition }) => `${table}: no longer require ${condition}`,
  'index dropped': ({ table, index }) => `${table}: drop the index ${index}`,
  comment: ({ table, column }) => `${table}: change the description${column === undefined ? '' : ` of ${column}`}`,
};

const say =
  (words: Words) =>
  (change: Change): string =>
    (words[change.kind] as (change: Change) => string)(change);

/** Describes a difference from the definition: `orders.amount is FLOAT, the definition says DOUBLE`. */
export const describeDrift = say(driftWords);

/** Describes a step of a migration: `orders: change amount from FLOAT to DOUBLE`. */
export const describeStep = say(stepWords);

/** Types that can represent every value of a type. */
const widerTypes: Readonly<Record<string, readonly SqlType[]>> = {
  TINYINT: ['SMALLINT', 'INTEGER', 'BIGINT', 'FLOAT', 'DOUBLE'],
  SMALLINT: ['INTEGER', 'BIGINT', 'FLOAT', 'DOUBLE'],
  INTEGER: ['BIGINT', 'DOUBLE'],
  FLOAT: ['DOUBLE'],
  DATE: ['TIMESTAMP'],
  // Only in databases created elsewhere; the engine's time zone is UTC.
  TIMESTAMP_S: ['TIMESTAMP'],
  TIMESTAMP_MS: ['TIMESTAMP'],
  'TIMESTAMP WITH TIME ZONE': ['TIMESTAMP'],
};

/** True if stored data may be lost: a drop, or a type that cannot represent every value of the previous one. */
export function isDestructive(change: Change): boolean {
  if (change.kind === 'table dropped' || change.kind === 'column dropped') return true;
  if (change.kind !== 'type' || change.to === 'VARCHAR') return false;
  return !widerTypes[change.from]?.includes(change.to as SqlType);
}

/** Comments contain no data, so nothing depends on them. */
export const isStructural = ({ kind }: Change): boolean => kind !== 'comment';

/**
 * Returns how the tables of a schema differ, except for comments. Tables that are not in the schema are ignored,
 * because people keep their own notes next to the warehouse's tables.
 */
export function findDrift(live: Schema, wanted: Schema): readonly Change[] {
  const known = Object.fromEntries(Object.entries(live).filter(([name]) => wanted[name] !== undefined));
  return diffSchemas(known, wanted).filter(isStructural);
}

/** @throws PipelineError SCHEMA_DRIFT naming every difference */
export function expectSchema(live: Schema, wanted: Schema, message: string, details: ErrorDetails): void {
  const drift = findDrift(live, wanted);
  if (drift.length === 0) return;
  throw new PipelineError('SCHEMA_DRIFT', `${message}: ${drift.map(describeDrift).join('; ')}`, details);
}
