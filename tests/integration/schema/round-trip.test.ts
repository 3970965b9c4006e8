import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { alterStatements, type Hints } from '../../../engine/duckdb/alter.ts';
import { printSchema, schemaStatements } from '../../../engine/duckdb/ddl.ts';
import { readSchema } from '../../../engine/duckdb/introspect.ts';
import { openWarehouse, type Warehouse } from '../../../engine/duckdb/warehouse.ts';
import { diffSchemas } from '../../../engine/schema/diff.ts';
import type { Schema, Table } from '../../../engine/schema/table.ts';
import { quoteName } from '../../../engine/sql.ts';
import { sampleRows, schema, schemaPair, valueSql } from './arbitrary.ts';

let warehouse: Warehouse;
beforeAll(async () => {
  warehouse = await openWarehouse({ file: ':memory:', threads: 1 });
});
afterAll(() => warehouse[Symbol.asyncDispose]());

/** Runs a test in its own database. */
async function inEmptyDatabase<T>(work: () => Promise<T>): Promise<T> {
  await warehouse.run(`ATTACH ':memory:' AS scratch`);
  await warehouse.run('USE scratch');
  try {
    return await work();
  } finally {
    await warehouse.run('USE memory');
    await warehouse.run('DETACH scratch');
  }
}

const runAll = async (statements: readonly string[]) => {
  for (const statement of statements) await warehouse.run(statement);
};

/** Expects equality in everything that a definition says, including the order of columns. */
function expectSame(found: Schema, wanted: Schema): void {
  expect(found).toEqual(wanted);
  for (const { name, columns } of Object.values(wanted))
    expect(Object.keys(found[name]?.columns ?? {})).toEqual(Object.keys(columns));
}

test('parse(print(schema)) is the identity', async () => {
  await fc.assert(
    fc.asyncProperty(schema, async (definition) => {
      await inEmptyDatabase(async () => {
        await warehouse.run(printSchema(definition, 'models/schema.ts'));
        expectSame(await readSchema(warehouse), definition);
        expect(diffSchemas(await readSchema(warehouse), definition)).toEqual([]);
      });
    }),
    { numRuns: 100 },
  );
});

const insertRows = (table: Table): string => {
  const columns = Object.entries(table.columns);
  const rows = sampleRows.map((row) => `(${columns.map(([, { type }]) => valueSql(type, row)).join(', ')})`);
  return `INSERT INTO ${quoteName(table.name)} (${columns.map(([name]) => quoteName(name)).join(', ')}) VALUES ${rows.join(', ')}`;
};

/**
 * A fill for every column that needs one or changes its type, and a rename for every column that may have been renamed.
 */
function hintsFor(from: Schema, to: Schema, isRenaming: boolean): Hints {
  const renames = new Map<string, string>();
  const fills = new Map<string, string>();
  for (const table of Object.values(to)) {
    const before = from[table.name];
    if (before === undefined) continue;
    const gone = Object.keys(before.columns).filter((name) => table.columns[name] === undefined);
    for (const [name, { type, nullable }] of Object.entries(table.columns)) {
      const isNew = before.columns[name] === undefined;
      const oldName = isNew && isRenaming ? gone.pop() : undefined;
      if (oldName !== undefined) renames.set(`${table.name}.${name}`, oldName);
      if (isNew && oldName === undefined && nullable) continue;
      if (before.columns[oldName ?? name]?.type !== type)
        fills.set(`${table.name}.${name}`, valueSql(type, '(row_number() OVER () - 1)'));
    }
  }
  return { renames, fills };
}

test('DDL(new) equals migrate(DDL(old), diff), and no row is lost', async () => {
  await fc.assert(
    fc.asyncProperty(schemaPair, fc.boolean(), async ([from, to], isRenaming) => {
      const hints = hintsFor(from, to, isRenaming);
      await inEmptyDatabase(async () => {
        await runAll(schemaStatements(from));
        for (const table of Object.values(from)) await warehouse.run(insertRows(table));
        await warehouse.transaction(() => runAll(alterStatements(from, to, hints)));
        expectSame(await readSchema(warehouse), to);
        for (const table of Object.values(to)) {
          if (from[table.name] === undefined) continue;
          const wanted = Object.entries(table.columns).map(([name, { type }]) => {
            const isNew = !hints.renames.has(`${table.name}.${name}`) && from[table.name]?.columns[name] === undefined;
            const value = valueSql(type, '(rowid)');
            return `${quoteName(name)} IS NOT DISTINCT FROM ${isNew && !hints.fills.has(`${table.name}.${name}`) ? 'NULL' : value}`;
          });
          expect(
            await warehouse.row(
              `SELECT count(*) AS rows, count(*) FILTER (WHERE ${wanted.join(' AND ')}) AS kept FROM ${quoteName(table.name)}`,
            ),
          ).toEqual({ rows: 2n, kept: 2n });
        }
      });
    }),
    { numRuns: 100 },
  );
});

test('no change means no statement', async () => {
  await fc.assert(
    fc.property(schema, (definition) => {
      expect(alterStatements(definition, definition)).toEqual([]);
    }),
  );
});
