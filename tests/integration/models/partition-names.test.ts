import { expect, test } from 'vitest';
import { partitionColumns } from '../../../engine/duckdb/ddl.ts';
import { compileSql, createCompiler } from '../../../engine/duckdb/kysely.ts';
import { builtMonths } from '../../../models/market/archives_at_hand.ts';
import { schema } from '../../../models/schema.ts';
import { searchedSeries } from '../../../queries/series.ts';

test.each([
  [builtMonths, schema.ohlcv],
  [searchedSeries, schema.gaps],
])('%o names the partition columns of its table', (built, table) => {
  const columns = compileSql(built(createCompiler())).matchAll(/ as (VARCHAR|DATE)\) as "(\w+)"/g);
  expect([...columns].map(([, type, name]) => ({ type, name }))).toEqual(
    partitionColumns(table).map(({ type, name }) => ({ type, name })),
  );
});
