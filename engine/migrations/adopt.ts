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
 * A table fits the states that name no column which it lacks. A migration has been through where every table that it
 * touches fits a state after it. Tables that no migration knows are left alone.
 * @throws PipelineError SCHEMA_DRIFT where a table, or the tables of one migration, fit no state
 */
export function recognise(live: Schema, migrations: readonly Migration[], states: readonly Schema[]): Recognised {
  const known = new Set(states.flatMap((state) => Object.keys(state)));
  const found = Object.fromEntries(Object.entries(live).filter(([name]) => known.has(name)));
  const fits = new Map(Object.entries(found).map(([name, table]) => [name, fittingStates(table, states)]));
  const applied: Migration[] = [];
  const pending: Migration[] = [];
  const exact = new Map([...fits].map(([name, { last }]) => [name, last]));
  for (const [index, migration] of migrations.entries()) {
    const at = index + 1;
    const tables = touched(states, at);
    const behind = tables.find((name) => (fits.get(name)?.last ?? 0) < at);
    if (behind === undefined) {
      applied.push(migration);
      continue;
    }
    pending.push(migration);
    for (const name of tables) {
      const fit = fits.get(name);
      if (fit === undefined) continue;
      if (fit.first >= at) {
        const other = found[behind] ? 'is older' : 'is not there';
        throw unknown(`${name} is as ${migration.name} left it, and ${behind} ${other}`);
      }
      exact.set(name, Math.min(exact.get(name) ?? 0, at - 1));
    }
  }
  const left = [...exact].map(([name, at]) => [name, states[at]?.[name] as Table]);
  return { applied, pending, found, exact: Object.fromEntries(left) };
}

/** The tables that a migration makes, changes or drops; 1 is the first migration. */
function touched(states: readonly Schema[], at: number): readonly string[] {
  const [before = {}, after = {}] = [states[at - 1], states[at]];
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names.filter((name) => !isDeepStrictEqual(before[name], after[name]));
}

/** The last state that a table fits, and the first with the same columns. */
function fittingStates(table: Table, states: readonly Schema[]): { readonly first: number; readonly last: number } {
  const namesAt = (state: Schema | undefined) => Object.keys(state?.[table.name]?.columns ?? {}).sort();
  const lacks = (state: Schema | undefined) => namesAt(state).filter((name) => table.columns[name] === undefined);
  const last = states.findLastIndex((state) => state[table.name] !== undefined && lacks(state).length === 0);
  if (last < 0) {
    const oldest = states.find((state) => state[table.name] !== undefined);
    throw unknown(`${table.name} lacks ${lacks(oldest).join(', ')}, which even its oldest known form has`);
  }
  const names = namesAt(states[last]);
  const before = states.slice(0, last).findLastIndex((state) => !isDeepStrictEqual(namesAt(state), names));
  return { first: before + 1, last };
}

const unknown = (message: string) =>
  new PipelineError('SCHEMA_DRIFT', `this database is of no known age: ${message}`, {
    hint: 'bring it by hand to one of the forms in migrations/, or move it away and build anew: pnpm pipeline run',
  });
