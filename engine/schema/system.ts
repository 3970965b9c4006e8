import { bigint, double, integer, table, timestamp, varchar } from './table.ts';

export const partitionState = table('partition_state', {
  description: 'What each partition was built from. Written in the transaction that publishes its rows.',
  columns: {
    model: varchar('Name of the model, extracted table, test or export.'),
    partition: varchar(
      'Values of the partition columns, escaped and joined by `/`; empty where the table is replaced whole.',
    ),
    input_digest: varchar(
      'Digest of everything that the rows depend on: inputs, compiled SQL, vars and the definition of the table.',
    ),
    run_id: varchar('Run that wrote it.'),
    rows_digest: varchar.nullable(
      'Digest of the rows as published, or of the file of an export; altered if another program has changed them.',
    ),
  },
  key: ['model', 'partition'],
  keyHeldBy: 'partition',
});

export const pendingChanges = table('pending_changes', {
  description:
    'Changes to tables that a model has not processed yet. Written in the transaction that changes the table.',
  columns: {
    model: varchar('Model that reads the table.'),
    source: varchar('Table that changed; empty if a partition of the model itself still has to be built.'),
    part: varchar(
      'Values of the columns that map the changed rows to partitions of the model, written as in partition_state.',
    ),
  },
  key: ['model', 'source', 'part'],
  keyHeldBy: 'partition',
});

export const testResults = table('test_results', {
  description: 'Every value that a data test has measured, whether or not it passed.',
  columns: {
    run_id: varchar('Run that measured it.'),
    test: varchar('Name of the test.'),
    model: varchar('Model it tests.'),
    status: varchar('Outcome.', { oneOf: ['pass', 'warn', 'error'] }),
    value: double.nullable(
      'Measured value: a ratio, or the number of failing rows; NULL if there was nothing to measure.',
    ),
    threshold: double.nullable('Threshold with which the value was compared.'),
    rows_failed: bigint('Number of rows that break the rule.'),
    tested_at: timestamp('As-of time of the run, UTC.'),
  },
  key: ['run_id', 'test'],
  keyHeldBy: 'partition',
});

export const schemaMigrations = table('schema_migrations', {
  description: 'Migrations that were applied to this database. The table exists before the first of them.',
  columns: {
    number: integer('Number of the migration.'),
    name: varchar('Name of its file.'),
    checksum: varchar('SHA-256 of its file.'),
    applied_at: timestamp('Time at which it was applied, or at which the database was created with its changes, UTC.'),
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
