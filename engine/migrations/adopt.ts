import { isDeepStrictEqual } from 'node:util';
import { PipelineError } from '../errors.ts';
import type { Schema, Table } from '../schema/table.ts';
import type { Migration } from './files.ts';

/** What a database without a record has been through, told from its tables. */
export interface Recognised {
  readonly applied: readonly Migration[];
  readonly pending: readonly Migration[];
  /** The tables that it has and that migrations know, as it has them and as the migrations that made them left them. */
  readonly found: Schema;
  readonly exact: Schema;
}

/**
 * A table is as old as the last migration after which it has no column that the database lacks; a migration has been
 * through where every table that it touches is that new. Tables that no migration knows are left alone.
 * @throws PipelineError SCHEMA_DRIFT where a table, or the tables of one migration, fit no state
 */
export function recognise(live: Schema, migrations: readonly Migration[], states: readonly Schema[]): Recognised {
  const known = new Set(states.flatMap((state) => Object.keys(state)));
  const found = Object.fromEntries(Object.entries(live).filter(([name]) => known.has(name)));
  const age = new Map([...known].map((name) => [name, ageOf(name, live[name], states)]));
  const isThrough = (at: number) => touched(states, at).every((name) => (age.get(name) ?? 0) >= at);
  const numbered = migrations.map((migration, index) => ({ migration, at: index + 1 }));
  for (const { migration, at } of numbered) {
    const tables = touched(states, at);
    const [ahead] = tables.filter((name) => found[name] !== undefined && (age.get(name) ?? 0) >= at);
    const [behind] = tables.filter((name) => (age.get(name) ?? 0) < at);
    if (ahead !== undefined && behind !== undefined) {
      throw unknown(`${ahead} is as ${migration.name} left it, and ${behind} ${found[behind] ? 'is older' : 'is not there'}`);
    }
  }
  return {
    applied: numbered.filter(({ at }) => isThrough(at)).map(({ migration }) => migration),
    pending: numbered.filter(({ at }) => !isThrough(at)).map(({ migration }) => migration),
    found,
    exact: Object.fromEntries(
      Object.keys(found).map((name) => [name, states[age.get(name) as number]?.[name] as Table]),
    ),
  };
}

/** The tables that a migration makes, changes or drops; 1 is the first migration. */
function touched(states: readonly Schema[], at: number): readonly string[] {
  const [before = {}, after = {}] = [states[at - 1], states[at]];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.filter((name) => !isDeepStrictEqual(before[name], after[name]));
}

/** The number of the last state that a table fits; of one that is not there, 0. */
function ageOf(name: string, table: Table | undefined, states: readonly Schema[]): number {
  if (table === undefined) return 0;
  const lacks = (state: Schema | undefined) =>
    Object.keys(state?.[name]?.columns ?? {}).filter((column) => table.columns[column] === undefined);
  const age = states.findLastIndex((state) => state[name] !== undefined && lacks(state).length === 0);
  if (age >= 0) return age;
  const oldest = states.find((state) => state[name] !== undefined);
  throw unknown(`${name} lacks ${lacks(oldest).join(', ')}, which even its oldest known form has`);
}

const unknown = (message: string) =>
  new PipelineError('SCHEMA_DRIFT', `this database is of no known age: ${message}`, {
    hint: 'bring it by hand to one of the forms in migrations/, or move it away and build anew: pnpm pipeline run',
  });
