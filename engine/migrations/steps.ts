import { tableStatements } from '../duckdb/dialect.ts';
import { adoptRows, alterStatements, forgetInputs, readSchema, type Warehouse } from '../duckdb/index.ts';
import { isAbort, PipelineError } from '../errors.ts';
import { countOf } from '../format.ts';
import { type Change, diffSchemas } from '../schema/diff.ts';
import { partitionState, schemaMigrations } from '../schema/system.ts';
import type { Schema } from '../schema/table.ts';
import { describeStep, expectSchema, isDestructive, isStructural } from '../schema/words.ts';
import { quoteName } from '../sql.ts';
import type { Migration } from './folder.ts';
import { type Recognised, recognise, recordApplied, type Standing } from './states.ts';

/** A statement to run, and a description of what it does. */
export interface Step {
  readonly name: string;
  readonly changes: readonly Change[];
  readonly sql: string;
  readonly migration?: Migration;
}

export interface Plan {
  readonly steps: readonly Step[];
  /** Migrations that were evidently applied to a database without a record. */
  readonly recognised: readonly Migration[];
  /** The current tables (`live`), and what they must be before the first migration of `steps`. */
  readonly live: Schema;
  readonly expected: Schema;
}

/** Plans what `migrate up` would do to a database; `states` come from `replayMigrations`. */
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
    // A run makes the tables of the definition, which may have been ahead of the migrations of that time.
    const at = states.findIndex((state, index) => index >= applied.length && diffSchemas(live, state).length === 0);
    const recognised = pending.slice(0, Math.max(0, at - applied.length));
    const expected = states[applied.length + recognised.length] ?? {};
    return { steps: pending.slice(recognised.length).map(stepOf), recognised, live, expected };
  }
  const { live } = standing;
  const { applied, pending, found, exact } = recognise(live, migrations, states);
  const steps = [...alignment({ found, exact }), ...pending.map(stepOf)];
  return { steps, recognised: applied, live: found, expected: found };
}

/**
 * Returns the steps that give tables created elsewhere the exact form in which their migrations would have left them.
 */
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

/** Describes the steps of a plan, one line for each change; changes of comments are left out. */
export function planLines({ recognised, steps }: Pick<Plan, 'recognised' | 'steps'>): readonly string[] {
  return [
    ...recognised.map(({ name }) => `${name}  recognised as applied`),
    ...steps.flatMap(({ name, changes }) => [
      name,
      ...changes
        .filter(isStructural)
        .map((change) => `  ${describeStep(change)}${isDestructive(change) ? '  (destructive)' : ''}`),
    ]),
  ];
}

const unchanged = 'nothing was changed';

/**
 * Runs the steps in one transaction, and commits it only if no row was lost and the tables match the definition;
 * returns the total row count.
 * @throws PipelineError MIGRATION_FAILED, SCHEMA_DRIFT; the warehouse is then unchanged
 */
export async function applyPlan(
  warehouse: Warehouse,
  plan: Plan,
  options: { readonly schema: Schema; readonly now: Date; readonly applied: (step: Step) => void },
): Promise<number> {
  const { schema, now, applied } = options;
  const migrations = [...plan.recognised, ...plan.steps.flatMap(({ migration }) => migration ?? [])];
  const changes = plan.steps.flatMap((step) => step.changes);
  return warehouse.transaction(async () => {
    const before = await countRows(warehouse);
    if (plan.live[schemaMigrations.name] === undefined)
      for (const statement of tableStatements(schemaMigrations)) await warehouse.run(statement);
    for (const step of plan.steps) {
      await warehouse.run(step.sql).catch((error: Error) => {
        if (isAbort(error)) throw error;
        throw failed(`${step.name}: ${error.message}`, error);
      });
      applied(step);
    }
    await recordApplied(
      warehouse,
      migrations.sort((a, b) => a.number - b.number),
      now,
    );
    await makeDirty(warehouse, changes);
    expectSchema(await readSchema(warehouse), schema, 'the migrated tables differ from the definition', {
      file: warehouse.file,
      hint: `${unchanged}; write the missing migration: pnpm pipeline migrate new NAME`,
    });
    const rows = expectRows(before, await countRows(warehouse), changes);
    await adopt(warehouse, schema, plan, changes);
    return rows;
  });
}

const failed = (message: string, cause?: Error) =>
  new PipelineError('MIGRATION_FAILED', message, { hint: unchanged, ...(cause && { cause }) });

async function countRows(warehouse: Warehouse): Promise<ReadonlyMap<string, bigint>> {
  const counts = new Map<string, bigint>();
  for (const name of Object.keys(await readSchema(warehouse))) {
    const { rows } = await warehouse.row<{ rows: bigint }>(`SELECT count(*) AS rows FROM ${quoteName(name)}`);
    if (name !== schemaMigrations.name) counts.set(name, rows);
  }
  return counts;
}

/** Checks that all remaining tables have as many rows as before; returns their total row count. */
function expectRows(
  before: ReadonlyMap<string, bigint>,
  after: ReadonlyMap<string, bigint>,
  changes: readonly Change[],
): number {
  const renamed = new Map(
    changes.flatMap((change) => (change.kind === 'table renamed' ? [[change.from, change.table]] : [])),
  );
  const dropped = new Set(changes.flatMap((change) => (change.kind === 'table dropped' ? [change.table] : [])));
  let total = 0n;
  for (const [name, rows] of before) {
    const now = after.get(renamed.get(name) ?? name);
    if (dropped.has(name)) continue;
    if (now !== rows) throw failed(`${name} had ${countOf(rows, 'row')} and would have ${now ?? 'none'}`);
    total += rows;
  }
  return Number(total);
}

/** Records the digests of rows that a migration changed, or that were published before there were digests. */
async function adopt(warehouse: Warehouse, schema: Schema, plan: Plan, changes: readonly Change[]): Promise<void> {
  if (schema[partitionState.name] === undefined) return;
  const hadDigests = plan.live[partitionState.name]?.columns.rows_digest !== undefined;
  const changed = new Set(changes.filter(isStructural).map(({ table }) => table));
  await adoptRows(
    warehouse,
    Object.values(schema).filter(({ name }) => !hadDigests || changed.has(name)),
  );
}

/** An altered table may lack data that the new definition requires, so the next run builds or loads it again. */
async function makeDirty(warehouse: Warehouse, changes: readonly Change[]): Promise<void> {
  const tables = new Set(changes.filter(isStructural).map(({ table }) => table));
  if (tables.size === 0 || (await readSchema(warehouse))[partitionState.name] === undefined) return;
  await forgetInputs(warehouse, [...tables]);
}
