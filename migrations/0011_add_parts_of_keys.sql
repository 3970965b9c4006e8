-- 0011_add_parts_of_keys; written by pnpm pipeline migrate new, never changed after its release
-- staged_archives: add instrument_type VARCHAR NOT NULL CHECK ("instrument_type" IN ('spot', 'futures-um', 'futures-cm'))
-- staged_archives: add cadence VARCHAR NOT NULL CHECK ("cadence" IN ('daily', 'monthly', 'rest'))
-- staged_archives: add symbol VARCHAR NOT NULL
-- staged_archives: add timeframe VARCHAR
-- staged_archives: add period_start DATE
-- staged_archives: add period_end DATE

CREATE TABLE "staged_archives_new" (
  "key" VARCHAR NOT NULL,
  "instrument_type" VARCHAR NOT NULL CHECK ("instrument_type" IN ('spot', 'futures-um', 'futures-cm')),
  "cadence" VARCHAR NOT NULL CHECK ("cadence" IN ('daily', 'monthly', 'rest')),
  "symbol" VARCHAR NOT NULL,
  "timeframe" VARCHAR,
  "period_start" DATE,
  "period_end" DATE,
  "etag" VARCHAR,
  "sha256" VARCHAR,
  "size_bytes" BIGINT,
  "row_count" BIGINT,
  "first_open_time" TIMESTAMP,
  "last_open_time" TIMESTAMP,
  "status" VARCHAR NOT NULL CHECK ("status" IN ('staged', 'loaded', 'rejected', 'absent', 'failed')),
  "reason" VARCHAR,
  "staged_at" TIMESTAMP NOT NULL
);
INSERT INTO "staged_archives_new" ("key", "instrument_type", "cadence", "symbol", "timeframe", "period_start", "period_end", "etag", "sha256", "size_bytes", "row_count", "first_open_time", "last_open_time", "status", "reason", "staged_at")
SELECT "key", cast(replace(regexp_extract("key", '^data/(spot|futures/um|futures/cm)/', 1), '/', '-') as VARCHAR), cast(regexp_extract("key", '^data/.+/(daily|monthly|rest)/klines/', 1) as VARCHAR), cast(regexp_extract("key", '/klines/([^/]+)', 1) as VARCHAR), cast(nullif(regexp_extract("key", '/klines/[^/]+/([^/]+)/', 1), '') as VARCHAR), cast(CASE length(regexp_extract("key", '-(\d{4}-\d{2}(-\d{2})?)\.(zip|csv)$', 1)) WHEN 7 THEN try_cast(regexp_extract("key", '-(\d{4}-\d{2}(-\d{2})?)\.(zip|csv)$', 1) || '-01' AS DATE) WHEN 10 THEN try_cast(regexp_extract("key", '-(\d{4}-\d{2}(-\d{2})?)\.(zip|csv)$', 1) AS DATE) END as DATE), cast(CASE length(regexp_extract("key", '-(\d{4}-\d{2}(-\d{2})?)\.(zip|csv)$', 1)) WHEN 7 THEN try_cast(regexp_extract("key", '-(\d{4}-\d{2}(-\d{2})?)\.(zip|csv)$', 1) || '-01' AS DATE) + INTERVAL 1 MONTH WHEN 10 THEN try_cast(regexp_extract("key", '-(\d{4}-\d{2}(-\d{2})?)\.(zip|csv)$', 1) AS DATE) + INTERVAL 1 DAY END as DATE), "etag", "sha256", "size_bytes", "row_count", "first_open_time", "last_open_time", "status", "reason", "staged_at" FROM "staged_archives";

DROP TABLE "staged_archives";
ALTER TABLE "staged_archives_new" RENAME TO "staged_archives";
COMMENT ON TABLE "staged_archives" IS 'The ledger: what became of every archive that was asked for.
Key, held by replacing partitions: key
Refers to archive_objects: key';
COMMENT ON COLUMN "staged_archives"."key" IS 'Object key.';
COMMENT ON COLUMN "staged_archives"."instrument_type" IS 'Market.';
COMMENT ON COLUMN "staged_archives"."cadence" IS 'Cadence of an archive; rest for bars that the exchange gave.';
COMMENT ON COLUMN "staged_archives"."symbol" IS 'Ticker as the archive spells it.';
COMMENT ON COLUMN "staged_archives"."timeframe" IS 'Bar length; NULL where the exchange does not know the symbol.';
COMMENT ON COLUMN "staged_archives"."period_start" IS 'First day of the period; NULL as timeframe is.';
COMMENT ON COLUMN "staged_archives"."period_end" IS 'Day after the period; NULL as timeframe is.';
COMMENT ON COLUMN "staged_archives"."etag" IS 'ETag of the listing it was fetched for.';
COMMENT ON COLUMN "staged_archives"."sha256" IS 'SHA-256 of the zip.';
COMMENT ON COLUMN "staged_archives"."size_bytes" IS 'Size of the zip. [bytes]';
COMMENT ON COLUMN "staged_archives"."row_count" IS 'Data lines.';
COMMENT ON COLUMN "staged_archives"."first_open_time" IS 'Open time of its first bar.';
COMMENT ON COLUMN "staged_archives"."last_open_time" IS 'Open time of its last bar.';
COMMENT ON COLUMN "staged_archives"."status" IS 'What became of it.';
COMMENT ON COLUMN "staged_archives"."reason" IS 'Why it is not staged.';
COMMENT ON COLUMN "staged_archives"."staged_at" IS 'As-of of the run that decided it.';
