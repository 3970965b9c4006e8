-- 0009_add_rows_digest; written by pnpm pipeline migrate new, never changed after its release
-- partition_state: add rows_digest VARCHAR

ALTER TABLE "partition_state" ADD COLUMN "rows_digest" VARCHAR;
COMMENT ON COLUMN "partition_state"."rows_digest" IS 'Digest of its rows as they were published, of an export that of its file; altered where another program changed them.';
