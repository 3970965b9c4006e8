import { PipelineError } from '../errors.ts';
import { type Change, diffSchemas, type Renames } from '../schema/diff.ts';
import { type Column, hasPrimaryKey, type Schema, storedTables, type Table } from '../schema/table.ts';
import { freeName, quoteName } from '../sql.ts';
import {
  addPrimaryKey,
  commentOnColumn,
  commentOnTable,
  createBareTable,
  tableComments,
  tableStatements,
} from './ddl.ts';

export interface Hints {
  readonly renames: Renames;
  /** `table.column` → SQL over the old row that computes the value of existing rows. */
  readonly fills: ReadonlyMap<string, string>;
}

const noHints: Hints = { renames: new Map(), fills: new Map() };

/**
 * Returns the statements that migrate a database from one schema to another and keep its rows.
 * @throws PipelineError USAGE if a new NOT NULL column has no fill
 */
export function alterStatements(from: Schema, to: Schema, hints: Hints = noHints): readonly string[] {
  const before = new Map(storedTables(from).map((table) => [table.name, table]));
  const taken = [from, to].flatMap((schema) => Object.values(schema).map(({ name }) => name));
  const changes = Map.groupBy(diffSchemas(from, to, hints.renames), ({ table }) => table);
  const altered = storedTables(to).flatMap((table) => {
    const own = changes.get(table.name) ?? [];
    const old = before.get(hints.renames.get(table.name) ?? table.name);
    return old === undefined ? tableStatements(table) : alterTable(old, table, own, hints, taken);
  });
  const dropped = [...changes.values()].flat().filter(({ kind }) => kind === 'table dropped');
  return [...altered, ...dropped.map(({ table }) => `DROP TABLE ${quoteName(table)}`)];
}

function alterTable(
  old: Table,
  table: Table,
  changes: readonly Change[],
  hints: Hints,
  taken: readonly string[],
): readonly string[] {
  return changes.every((change) => isInPlace(change, old, table, hints))
    ? changes.flatMap((change) => alterInPlace(change, table))
    : rebuild(old, table, hints, taken);
}

/**
 * DuckDB cannot alter an indexed table, and adds columns only at the end and without constraints. Changes that it can
 * make in place are made so; every other change rebuilds the table.
 */
function isInPlace(change: Change, old: Table, table: Table, { fills }: Hints): boolean {
  if (change.kind === 'column added') {
    const { nullable, oneOf, min, max } = change.to;
    const kept = Object.keys(table.columns).filter((name) => old.columns[name] !== undefined).length;
    const isAtTheEnd = Object.keys(table.columns).indexOf(change.column) >= kept;
    const isFree = oneOf === undefined && min === undefined && max === undefined;
    return nullable && isFree && isAtTheEnd && !fills.has(`${table.name}.${change.column}`);
  }
  return change.kind === 'index dropped' || change.kind === 'comment';
}

function alterInPlace(change: Change, table: Table): readonly string[] {
  switch (change.kind) {
    case 'column added':
      return [
        `ALTER TABLE ${quoteName(table.name)} ADD COLUMN ${quoteName(change.column)} ${change.to.type}`,
        commentOnColumn(table, change.column),
      ];
    case 'index dropped':
      return [`DROP INDEX IF EXISTS ${quoteName(change.index)}`];
    case 'comment':
      return [change.column === undefined ? commentOnTable(table) : commentOnColumn(table, change.column)];
    default:
      return [];
  }
}

/** Adds the key after the rows, since inserting millions of rows under a key takes three times as long. */
function rebuild(old: Table, table: Table, hints: Hints, taken: readonly string[]): readonly string[] {
  const aside = old.name === table.name ? { ...table, name: freeName(`${table.name}_new`, taken) } : table;
  const names = Object.keys(table.columns).map(quoteName);
  const values = Object.entries(table.columns).map(([name, column]) => oldValue(old, table, name, column, hints));
  return [
    createBareTable(aside),
    `INSERT INTO ${quoteName(aside.name)} (${names.join(', ')})\nSELECT ${values.join(', ')} FROM ${quoteName(old.name)}`,
    `DROP TABLE ${quoteName(old.name)}`,
    ...(aside === table ? [] : [`ALTER TABLE ${quoteName(aside.name)} RENAME TO ${quoteName(table.name)}`]),
    ...(hasPrimaryKey(table) ? [addPrimaryKey(table)] : []),
    ...tableComments(table),
  ];
}

/** The SQL for the value of a column in a row copied from the old table. */
function oldValue(old: Table, table: Table, name: string, column: Column, { renames, fills }: Hints): string {
  const oldName = renames.get(`${table.name}.${name}`) ?? name;
  const before = old.columns[oldName];
  const fill = fills.get(`${table.name}.${name}`);
  if (before === undefined) {
    if (fill !== undefined) return `cast(${fill} as ${column.type})`;
    if (column.nullable) return 'NULL';
    throw new PipelineError('USAGE', `${table.name}.${name} is new and NOT NULL, so existing rows need a value`, {
      hint: `give it as SQL over the old row: --fill "${table.name}.${name}=…"`,
    });
  }
  const kept = before.type === column.type ? quoteName(oldName) : `cast(${quoteName(oldName)} as ${column.type})`;
  if (fill === undefined) return kept;
  // The fill of a column that changes its type converts the old value; the fill of a formerly nullable one replaces
  // NULL.
  return before.type === column.type
    ? `coalesce(${kept}, cast(${fill} as ${column.type}))`
    : `cast(${fill} as ${column.type})`;
}
