-- 0010_describe_partitions_and_gaps; written by pnpm pipeline migrate new, never changed after its release
-- gaps: describe it anew
-- partition_state: describe partition anew

COMMENT ON TABLE "gaps" IS 'What series lack between their first archive and their last published slot, and why; docs/gaps.md.
Key, held by replacing partitions: instrument_type, symbol, timeframe, gap_start
Partition: instrument_type, symbol, timeframe
Refers to symbols: instrument_type, symbol';
COMMENT ON COLUMN "partition_state"."partition" IS 'Values of the partition columns, escaped and joined by `/`; empty where the table is replaced whole.';
