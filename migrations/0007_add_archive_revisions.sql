-- 0007_add_archive_revisions; written by pnpm pipeline migrate new, never changed after its release
-- create archive_revisions

CREATE TABLE "archive_revisions" (
  "key" VARCHAR NOT NULL,
  "revision" INTEGER NOT NULL CHECK ("revision" >= 1),
  "etag" VARCHAR NOT NULL,
  "sha256" VARCHAR NOT NULL,
  "previous_etag" VARCHAR NOT NULL,
  "previous_sha256" VARCHAR,
  "rows_changed" BIGINT,
  "rows_added" BIGINT,
  "rows_removed" BIGINT,
  "revised_at" TIMESTAMP NOT NULL
);
COMMENT ON TABLE "archive_revisions" IS 'Every time that the archive replaced a file whose rows were staged by another (A18).
Key, held by replacing partitions: key, revision
Refers to staged_archives: key';
COMMENT ON COLUMN "archive_revisions"."key" IS 'Object key.';
COMMENT ON COLUMN "archive_revisions"."revision" IS 'Which of the key it is; 1 is the oldest.';
COMMENT ON COLUMN "archive_revisions"."etag" IS 'ETag of the version that came.';
COMMENT ON COLUMN "archive_revisions"."sha256" IS 'SHA-256 of its zip.';
COMMENT ON COLUMN "archive_revisions"."previous_etag" IS 'ETag of the version that it replaced.';
COMMENT ON COLUMN "archive_revisions"."previous_sha256" IS 'SHA-256 of the zip of that one.';
COMMENT ON COLUMN "archive_revisions"."rows_changed" IS 'Rows of both with other figures; NULL where the old CSV was no longer at hand.';
COMMENT ON COLUMN "archive_revisions"."rows_added" IS 'Rows of the new one alone, by open time.';
COMMENT ON COLUMN "archive_revisions"."rows_removed" IS 'Rows of the old one alone, by open time.';
COMMENT ON COLUMN "archive_revisions"."revised_at" IS 'As-of of the run that staged it.';
