import { isDeepStrictEqual } from 'node:util';
import { columnComment, tableComment } from './comments.ts';
import { checkCondition, columnConditions } from './conditions.ts';
import { type Column, hasPrimaryKey, type IndexPart, type Schema, storedTables, type Table } from './table.ts';

/** One difference between two schemas, as a step from the first to the second. Conditions are SQL. */
export type Change =
  | { readonly kind: 'table added'; readonly table: string }
  | { readonly kind: 'table dropped'; readonly table: string }
  | { readonly kind: 'table renamed'; readonly table: string; readonly from: string }
  | { readonly kind: 'column added'; readonly table: string; readonly column: string; readonly to: Column }
  | { readonly kind: 'column dropped'; readonly table: string; readonly column: string; readonly from: Column }
  | { readonly kind: 'column renamed'; readonly table: string; readonly column: string; readonly from: string }
  | {
      readonly kind: 'type';
      readonly table: string;
      readonly column: string;
      readonly from: string;
      readonly to: string;
    }
  | { readonly kind: 'nullability'; readonly table: string; readonly column: string; readonly nullable: boolean }
  | {
      readonly kind: 'default';
      readonly table: string;
      readonly column: string;
      readonly from: string | undefined;
      readonly to: string | undefined;
    }
  | {
      readonly kind: 'limits';
      readonly table: string;
      readonly column: string;
      readonly from: readonly string[];
      readonly to: readonly string[];
    }
  | { readonly kind: 'order'; readonly table: string; readonly to: readonly string[] }
  | { readonly kind: 'key'; readonly table: string; readonly from: readonly string[]; readonly to: readonly string[] }
  | { readonly kind: 'constraint added'; readonly table: string; readonly condition: string }
  | { readonly kind: 'constraint dropped'; readonly table: string; readonly condition: string }
  | {
      readonly kind: 'index dropped';
      readonly table: string;
      readonly index: string;
      readonly columns: readonly string[];
    }
  | {
      readonly kind: 'comment';
      readonly table: string;
      readonly column?: string;
      readonly from: string;
      readonly to: string;
    };

/** New name → old name, by `table` or `table.column`; tables carry their new name in both. */
export type Renames = ReadonlyMap<string, string>;

/** Returns every step from one schema to another, by table in the order of the second; empty if they are the same. */
export function diffSchemas(from: Schema, to: Schema, renames: Renames = new Map()): readonly Change[] {
  const before = new Map(storedTables(from).map((table) => [table.name, table]));
  const changes: Change[] = [];
  for (const table of storedTables(to)) {
    const oldName = renames.get(table.name) ?? table.name;
    const old = before.get(oldName);
    before.delete(oldName);
    if (old === undefined) changes.push({ kind: 'table added', table: table.name });
    else changes.push(...diffTables(old, table, renames));
  }
  return [...changes, ...[...before.keys()].map((table) => ({ kind: 'table dropped', table }) as const)];
}

function diffTables(old: Table, to: Table, renames: Renames): readonly Change[] {
  const { name: table } = to;
  const from = renamed(old, to, renames);
  const changes: Change[] = [];
  if (old.name !== table) changes.push({ kind: 'table renamed', table, from: old.name });
  for (const [column, after] of Object.entries(to.columns)) {
    const oldName = renames.get(`${table}.${column}`);
    if (oldName !== undefined) changes.push({ kind: 'column renamed', table, column, from: oldName });
    const before = from.columns[column];
    if (before === undefined) changes.push({ kind: 'column added', table, column, to: after });
    else changes.push(...diffColumns(table, column, before, after));
  }
  for (const [column, before] of Object.entries(from.columns))
    if (to.columns[column] === undefined) changes.push({ kind: 'column dropped', table, column, from: before });
  changes.push(...diffOrder(from, to), ...diffConstraints(from, to), ...diffIndexes(from, to));
  const comments = { from: tableComment(from), to: tableComment(to) };
  if (comments.from !== comments.to) changes.push({ kind: 'comment', table, ...comments });
  return changes;
}

function diffColumns(table: string, column: string, before: Column, after: Column): readonly Change[] {
  const at = { table, column };
  const changes: Change[] = [];
  if (before.type !== after.type) changes.push({ kind: 'type', ...at, from: before.type, to: after.type });
  if (before.nullable !== after.nullable) changes.push({ kind: 'nullability', ...at, nullable: after.nullable });
  if (before.default !== after.default)
    changes.push({ kind: 'default', ...at, from: before.default, to: after.default });
  const limits = { from: columnConditions(column, before), to: columnConditions(column, after) };
  if (!isDeepStrictEqual(limits.from, limits.to)) changes.push({ kind: 'limits', ...at, ...limits });
  const comments = { from: columnComment(before), to: columnComment(after) };
  if (comments.from !== comments.to) changes.push({ kind: 'comment', ...at, ...comments });
  return changes;
}

/** Compares the order of the columns that both tables have. */
function diffOrder(from: Table, to: Table): readonly Change[] {
  const kept = Object.keys(from.columns).filter((name) => to.columns[name] !== undefined);
  const wanted = Object.keys(to.columns).filter((name) => from.columns[name] !== undefined);
  return isDeepStrictEqual(kept, wanted) ? [] : [{ kind: 'order', table: to.name, to: wanted }];
}

const enforcedKey = (table: Table): readonly string[] => (hasPrimaryKey(table) ? table.key : []);
const constraintsOf = (table: Table): readonly string[] => [
  ...(table.checks ?? []).map(checkCondition),
  ...(table.otherConstraints ?? []),
];

function diffConstraints(from: Table, to: Table): readonly Change[] {
  const { name: table } = to;
  const key = { from: enforcedKey(from), to: enforcedKey(to) };
  const [before, after] = [constraintsOf(from), constraintsOf(to)];
  return [
    ...(isDeepStrictEqual(key.from, key.to) ? [] : [{ kind: 'key', table, ...key } as const]),
    ...after
      .filter((condition) => !before.includes(condition))
      .map((condition) => ({ kind: 'constraint added', table, condition }) as const),
    ...before
      .filter((condition) => !after.includes(condition))
      .map((condition) => ({ kind: 'constraint dropped', table, condition }) as const),
  ];
}

const columnsOf = (parts: readonly IndexPart[] | undefined): readonly string[] =>
  (parts ?? []).map((part) => (typeof part === 'string' ? part : part.desc));

/**
 * Returns the indexes that the definition lacks. One that a database lacks is no difference: it is created when the
 * database is published, and the table's comment names it until then.
 */
function diffIndexes(from: Table, to: Table): readonly Change[] {
  return Object.entries(from.indexes ?? {})
    .map(([index, parts]) => ({ kind: 'index dropped', table: to.name, index, columns: columnsOf(parts) }) as const)
    .filter(({ index, columns }) => !isDeepStrictEqual(columns, columnsOf(to.indexes?.[index])));
}

/** Returns the old table with its new names, so that a rename causes no other change. */
function renamed(old: Table, to: Table, renames: Renames): Table {
  const newNames = new Map(
    Object.keys(to.columns).flatMap((name) => {
      const oldName = renames.get(`${to.name}.${name}`);
      return oldName === undefined ? [] : [[oldName, name] as const];
    }),
  );
  const newName = (name: string) => newNames.get(name) ?? name;
  const inIndex = (part: IndexPart): IndexPart =>
    typeof part === 'string' ? newName(part) : { desc: newName(part.desc) };
  return {
    ...old,
    name: to.name,
    columns: Object.fromEntries(Object.entries(old.columns).map(([name, column]) => [newName(name), column])),
    key: old.key.map(newName),
    ...(old.checks && { checks: old.checks.map(([a, operator, b]) => [newName(a), operator, newName(b)] as const) }),
    ...(old.partition && {
      partition: old.partition.map((part) =>
        typeof part === 'string' ? newName(part) : { month: newName(part.month) },
      ),
    }),
    ...(old.indexes && {
      indexes: Object.fromEntries(Object.entries(old.indexes).map(([name, parts]) => [name, parts.map(inIndex)])),
    }),
    ...(old.references && {
      references: Object.fromEntries(Object.entries(old.references).map(([name, own]) => [name, own.map(newName)])),
    }),
  };
}
