-- 0013_changes_and_spans; written by pnpm pipeline migrate new, never changed after its release
-- create listed_spans
-- create pending_changes

CREATE TABLE "listed_spans" (
  "symbol" VARCHAR NOT NULL,
  "first_date" DATE NOT NULL,
  "last_date" DATE NOT NULL
);
COMMENT ON TABLE "listed_spans" IS 'From which day to which daily_availability has a row of a symbol.
Key, held by replacing partitions: symbol';
COMMENT ON COLUMN "listed_spans"."symbol" IS 'Ticker as the archive spells it.';
COMMENT ON COLUMN "listed_spans"."first_date" IS 'First day on which its daily archive is listed.';
COMMENT ON COLUMN "listed_spans"."last_date" IS 'Last such day, and grace_days more while it stays away.';

CREATE TABLE "pending_changes" (
  "model" VARCHAR NOT NULL,
  "source" VARCHAR NOT NULL,
  "part" VARCHAR NOT NULL
);
COMMENT ON TABLE "pending_changes" IS 'Changes of tables that a model has yet to take up. Written in the transaction that changes the table.
Key, held by replacing partitions: model, source, part';
COMMENT ON COLUMN "pending_changes"."model" IS 'Model that reads the table.';
COMMENT ON COLUMN "pending_changes"."source" IS 'Table that changed; empty for a partition of the model itself that is left to build.';
COMMENT ON COLUMN "pending_changes"."part" IS 'Values that the changed rows have in the columns by which they map to partitions of the model, as in partition_state.';
