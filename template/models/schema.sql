-- Generated from models/schema.ts; change that file and run: npx klinehouse schema print --write

CREATE TABLE "orders" (
  "order_id" BIGINT NOT NULL,
  "day" DATE NOT NULL,
  "country" VARCHAR NOT NULL,
  "amount" BIGINT NOT NULL CHECK ("amount" >= 0)
);
COMMENT ON TABLE "orders" IS 'Orders as they were staged.
Key, held by replacing partitions: day, order_id
Partition: day';
COMMENT ON COLUMN "orders"."order_id" IS 'Number of the order.';
COMMENT ON COLUMN "orders"."day" IS 'Day of the order, UTC.';
COMMENT ON COLUMN "orders"."country" IS 'Country of the customer.';
COMMENT ON COLUMN "orders"."amount" IS 'What was paid. [cents]';

CREATE TABLE "daily_revenue" (
  "day" DATE NOT NULL,
  "country" VARCHAR NOT NULL,
  "orders" BIGINT NOT NULL CHECK ("orders" >= 1),
  "revenue" BIGINT NOT NULL,
  PRIMARY KEY ("day", "country")
);
COMMENT ON TABLE "daily_revenue" IS 'Orders and revenue of a country on a day.
Partition: day';
COMMENT ON COLUMN "daily_revenue"."day" IS 'Day of the orders, UTC.';
COMMENT ON COLUMN "daily_revenue"."country" IS 'Country of the customers.';
COMMENT ON COLUMN "daily_revenue"."orders" IS 'Number of orders.';
COMMENT ON COLUMN "daily_revenue"."revenue" IS 'What was paid. [cents]';

CREATE TABLE "countries" (
  "country" VARCHAR NOT NULL,
  "name" VARCHAR NOT NULL,
  PRIMARY KEY ("country")
);
COMMENT ON TABLE "countries" IS 'Seed: names of countries.';
COMMENT ON COLUMN "countries"."country" IS 'Country of customers.';
COMMENT ON COLUMN "countries"."name" IS 'Its name.';

CREATE TABLE "country_totals" (
  "country" VARCHAR NOT NULL,
  "name" VARCHAR,
  "days" BIGINT NOT NULL,
  "orders" BIGINT NOT NULL,
  "revenue" BIGINT NOT NULL,
  PRIMARY KEY ("country")
);
COMMENT ON TABLE "country_totals" IS 'What each country has ordered so far.';
COMMENT ON COLUMN "country_totals"."country" IS 'Country of the customers.';
COMMENT ON COLUMN "country_totals"."name" IS 'Its name.';
COMMENT ON COLUMN "country_totals"."days" IS 'Days with an order.';
COMMENT ON COLUMN "country_totals"."orders" IS 'Number of orders.';
COMMENT ON COLUMN "country_totals"."revenue" IS 'What was paid. [cents]';

CREATE TABLE "partition_state" (
  "model" VARCHAR NOT NULL,
  "partition" VARCHAR NOT NULL,
  "input_digest" VARCHAR NOT NULL,
  "run_id" VARCHAR NOT NULL,
  "rows_digest" VARCHAR
);
COMMENT ON TABLE "partition_state" IS 'What each partition was built from. Written in the transaction that publishes its rows.
Key, held by replacing partitions: model, partition';
COMMENT ON COLUMN "partition_state"."model" IS 'Name of the model, extracted table, test or export.';
COMMENT ON COLUMN "partition_state"."partition" IS 'Values of the partition columns, escaped and joined by `/`; empty where the table is replaced whole.';
COMMENT ON COLUMN "partition_state"."input_digest" IS 'Digest of everything that the rows depend on: inputs, compiled SQL, vars and the definition of the table.';
COMMENT ON COLUMN "partition_state"."run_id" IS 'Run that wrote it.';
COMMENT ON COLUMN "partition_state"."rows_digest" IS 'Digest of the rows as published, or of the file of an export; altered if another program has changed them.';

CREATE TABLE "pending_changes" (
  "model" VARCHAR NOT NULL,
  "source" VARCHAR NOT NULL,
  "part" VARCHAR NOT NULL
);
COMMENT ON TABLE "pending_changes" IS 'Changes to tables that a model has not processed yet. Written in the transaction that changes the table.
Key, held by replacing partitions: model, source, part';
COMMENT ON COLUMN "pending_changes"."model" IS 'Model that reads the table.';
COMMENT ON COLUMN "pending_changes"."source" IS 'Table that changed; empty if a partition of the model itself still has to be built.';
COMMENT ON COLUMN "pending_changes"."part" IS 'Values of the columns that map the changed rows to partitions of the model, written as in partition_state.';

CREATE TABLE "test_results" (
  "run_id" VARCHAR NOT NULL,
  "test" VARCHAR NOT NULL,
  "model" VARCHAR NOT NULL,
  "status" VARCHAR NOT NULL CHECK ("status" IN ('pass', 'warn', 'error')),
  "value" DOUBLE,
  "threshold" DOUBLE,
  "rows_failed" BIGINT NOT NULL,
  "tested_at" TIMESTAMP NOT NULL
);
COMMENT ON TABLE "test_results" IS 'Every value that a data test has measured, whether or not it passed.
Key, held by replacing partitions: run_id, test';
COMMENT ON COLUMN "test_results"."run_id" IS 'Run that measured it.';
COMMENT ON COLUMN "test_results"."test" IS 'Name of the test.';
COMMENT ON COLUMN "test_results"."model" IS 'Model it tests.';
COMMENT ON COLUMN "test_results"."status" IS 'Outcome.';
COMMENT ON COLUMN "test_results"."value" IS 'Measured value: a ratio, or the number of failing rows; NULL if there was nothing to measure.';
COMMENT ON COLUMN "test_results"."threshold" IS 'Threshold with which the value was compared.';
COMMENT ON COLUMN "test_results"."rows_failed" IS 'Number of rows that break the rule.';
COMMENT ON COLUMN "test_results"."tested_at" IS 'As-of time of the run, UTC.';

CREATE TABLE "schema_migrations" (
  "number" INTEGER NOT NULL,
  "name" VARCHAR NOT NULL,
  "checksum" VARCHAR NOT NULL,
  "applied_at" TIMESTAMP NOT NULL,
  PRIMARY KEY ("number")
);
COMMENT ON TABLE "schema_migrations" IS 'Migrations that were applied to this database. The table exists before the first of them.';
COMMENT ON COLUMN "schema_migrations"."number" IS 'Number of the migration.';
COMMENT ON COLUMN "schema_migrations"."name" IS 'Name of its file.';
COMMENT ON COLUMN "schema_migrations"."checksum" IS 'SHA-256 of its file.';
COMMENT ON COLUMN "schema_migrations"."applied_at" IS 'Time at which it was applied, or at which the database was created with its changes, UTC.';
