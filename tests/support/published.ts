import { join } from 'node:path';
import { expect } from 'vitest';
import type { PipelineResult } from './pipeline.ts';
import { diffRows, queryWarehouse, type Rows } from './rows.ts';

/** Every column of every published table, except the times at which a run saw or built a row. */
const published: Readonly<Record<string, string>> = {
  archive_objects: 'select * exclude listed_at from archive_objects order by key',
  symbols: 'select * from symbols order by instrument_type, symbol',
  ohlcv: 'select * from ohlcv order by instrument_type, symbol, timeframe, timestamp',
  daily_availability: 'select * exclude probe_timestamp from daily_availability order by date, symbol',
  volume_rankings: 'select * exclude generation_timestamp from volume_rankings order by date, rank, symbol',
};

/** The path `data/<target>/warehouse.duckdb` for a run with this data folder. */
export const warehouseOf = (dataDir: string, target = 'mirror'): string => join(dataDir, target, 'warehouse.duckdb');

/** The rows of each published table ("the same rows" of design section 5). */
export async function publishedRows(dataDir: string, target?: string): Promise<ReadonlyMap<string, Rows>> {
  const tables = new Map<string, Rows>();
  for (const [table, sql] of Object.entries(published))
    tables.set(table, await queryWarehouse(warehouseOf(dataDir, target), sql));
  return tables;
}

/** Fails with the first table and row that differ. */
export async function expectSameRows(dataDir: string, expected: ReadonlyMap<string, Rows>): Promise<void> {
  for (const [table, { columns, rows }] of await publishedRows(dataDir)) {
    const names = columns.map(({ name }) => name);
    const difference = diffRows(rows, expected.get(table)?.rows ?? [], names);
    expect(difference, `${table} differs`).toBeUndefined();
  }
}

/** Expects a run to have ended with this exit code; otherwise its output is shown. */
export function expectExit(result: PipelineResult, exitCode: number): void {
  expect(result.exitCode, `${result.stdout}\n${result.stderr}`).toBe(exitCode);
}
