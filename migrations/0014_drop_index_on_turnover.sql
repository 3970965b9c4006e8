-- 0014_drop_index_on_turnover; written by hand, never changed after its release
-- daily_availability: drop the index idx_quote_volume_date, which a database gets when it is published

DROP INDEX IF EXISTS "idx_quote_volume_date";
