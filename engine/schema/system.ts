import { bigint, double, integer, table, timestamp, varchar } from './table.ts';

export const partitionState = table('partition_state', {
  description: 'What each partition was built from. Written in the transaction that publishes its rows.',
  columns: {
    model: varchar('Model, extracted table, test or export.'),
    partition: varchar(
      'Values of the partition columns, escaped and joined by `/`; empty where the table is replaced whole.',
    ),
    input_digest: varchar('Digest of all that the rows depend on: inputs, compiled SQL, vars, table definition.'),
    run_id: varchar('Run that wrote it.'),
    rows_digest: varchar.nullable(
      'Digest of its rows as they were published, of an export that of its file; altered where another program changed them.',
    ),
  },
  key: ['model', 'partition'],
  keyHeldBy: 'partition',
});

export const pendingChanges = table('pending_changes', {
  description: 'Changes of tables that a model has yet to take up. Written in the transaction that changes the table.',
  columns: {
    model: varchar('Model that reads the table.'),
    source: varchar('Table that changed; empty for a partition of the model itself that is left to build.'),
    part: varchar(
      'Values that the changed rows have in the columns by which they map to partitions of the model, as in partition_state.',
    ),
  },
  key: ['model', 'source', 'part'],
  keyHeldBy: 'partition',
});

export const testResults = table('test_results', {
  description: 'Every measured value of every data test, on pass too.',
  columns: {
    run_id: varchar('Run that measured it.'),
    test: varchar('Name of the test.'),
    model: varchar('Model it tests.'),
    status: varchar('How it ended.', { oneOf: ['pass', 'warn', 'error'] }),
    value: double.nullable('What was measured: a ratio, or the number of failing rows.'),
    threshold: double.nullable('What the value was held against.'),
    rows_failed: bigint('Rows that break the rule.'),
    tested_at: timestamp('As-of of the run, UTC.'),
  },
  key: ['run_id', 'test'],
  keyHeldBy: 'partition',
});

export const schemaMigrations = table('schema_migrations', {
  description: 'The migrations that this database has been through; it is there before the first of them.',
  columns: {
    number: integer('Number of the migration.'),
    name: varchar('Name of its file.'),
    checksum: varchar('SHA-256 of its file.'),
    applied_at: timestamp('When it was applied, or when the database was made at its state, UTC.'),
  },
  key: ['number'],
});

/** The tables above by name, to be spread into a project's schema. */
export const engineTables = {
  partition_state: partitionState,
  pending_changes: pendingChanges,
  test_results: testResults,
  schema_migrations: schemaMigrations,
} as const;

/** Names of the tables above. */
export const systemTables: readonly string[] = Object.keys(engineTables);
