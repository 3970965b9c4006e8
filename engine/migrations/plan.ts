import { alterStatements } from '../duckdb/index.ts';
import { type Change, diffSchemas } from '../schema/diff.ts';
import type { Schema } from '../schema/table.ts';
import { describeStep, isDestructive, isStructural } from '../schema/words.ts';
import { type Recognised, recognise } from './adopt.ts';
import type { Migration } from './files.ts';
import type { Standing } from './standing.ts';

/** Something to run, and what it does. */
export interface Step {
  readonly name: string;
  readonly changes: readonly Change[];
  readonly sql: string;
  readonly migration?: Migration;
}

export interface Plan {
  readonly steps: readonly Step[];
  /** Migrations that a database without a record is taken to have been through. */
  readonly recognised: readonly Migration[];
  /** Its tables now, and what they must be before the first migration of `steps`. */
  readonly live: Schema;
  readonly expected: Schema;
}

/** What `migrate up` would do to a database; `states` are those of `replayMigrations`. */
export function planMigrations(
  standing: Exclude<Standing, { kind: 'empty' }>,
  migrations: readonly Migration[],
  states: readonly Schema[],
): Plan {
  const stepOf = (migration: Migration): Step => {
    const at = migrations.indexOf(migration);
    const changes = diffSchemas(states[at] ?? {}, states[at + 1] ?? {}, migration.renames);
    return { name: migration.name, changes, sql: migration.sql, migration };
  };
  if (standing.kind === 'recorded') {
    const { live, applied, pending } = standing;
    return { steps: pending.map(stepOf), recognised: [], live, expected: states[applied.length] ?? {} };
  }
  const { live } = standing;
  const { applied, pending, found, exact } = recognise(live, migrations, states);
  const steps = [...alignment({ found, exact }), ...pending.map(stepOf)];
  return { steps, recognised: applied, live: found, expected: found };
}

/** Takes tables that were made elsewhere to the exact form that the migrations they have been through would have left. */
function alignment({ found, exact }: Pick<Recognised, 'found' | 'exact'>): readonly Step[] {
  const changes = diffSchemas(found, exact);
  if (changes.length === 0) return [];
  return [
    {
      name: 'alignment',
      changes,
      sql: alterStatements(found, exact)
        .map((statement) => `${statement};`)
        .join('\n'),
    },
  ];
}

/** What the steps of a plan do, a line each; comments are not worth one. */
export function planLines({ recognised, steps }: Pick<Plan, 'recognised' | 'steps'>): readonly string[] {
  return [
    ...recognised.map(({ name }) => `${name}  recognised: the database has been through it`),
    ...steps.flatMap(({ name, changes }) => [
      name,
      ...changes
        .filter(isStructural)
        .map((change) => `  ${describeStep(change)}${isDestructive(change) ? '  (destructive)' : ''}`),
    ]),
  ];
}
