-- 0001_daily_availability; written by pnpm pipeline migrate new, never changed after its release
-- create daily_availability

CREATE TABLE "daily_availability" (
  "date" DATE NOT NULL,
  "symbol" VARCHAR NOT NULL,
  "available" BOOLEAN NOT NULL,
  "file_size_bytes" BIGINT,
  "last_modified" TIMESTAMP,
  "url" VARCHAR NOT NULL,
  "status_code" INTEGER NOT NULL,
  "probe_timestamp" TIMESTAMP NOT NULL,
  PRIMARY KEY ("date", "symbol")
);
COMMENT ON TABLE "daily_availability" IS 'Which USD-M symbol had data on which day, and what was traded that day.
Partition: date
Refers to symbols: symbol';
COMMENT ON COLUMN "daily_availability"."date" IS 'Day, UTC.';
COMMENT ON COLUMN "daily_availability"."symbol" IS 'Ticker as the archive spells it.';
COMMENT ON COLUMN "daily_availability"."available" IS 'The daily archive of this day is listed.';
COMMENT ON COLUMN "daily_availability"."file_size_bytes" IS 'Size of that archive. [bytes]';
COMMENT ON COLUMN "daily_availability"."last_modified" IS 'When it was published or re-issued.';
COMMENT ON COLUMN "daily_availability"."url" IS 'Where it is, or would be.';
COMMENT ON COLUMN "daily_availability"."status_code" IS '200 where it is listed, else 404: inferred from the listing.';
COMMENT ON COLUMN "daily_availability"."probe_timestamp" IS 'As-of of the run that first saw this state.';
