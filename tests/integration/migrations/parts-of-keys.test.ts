import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readMigrations } from '../../../engine/migrations/folder.ts';
import {
  formatKey,
  parseStagedKey,
  parseUnknownSymbolKey,
  periodOf,
  periodOfBar,
  unknownSymbolKey,
} from '../../../exchange/keys.ts';
import { timeframeNames } from '../../../exchange/timeframes.ts';
import { dataSources, instrumentTypes } from '../../../exchange/vocabulary.ts';
import { createWarehouse, texts } from '../../support/engine.ts';
import { root } from '../../support/pipeline.ts';

const symbol = fc.oneof(
  fc.stringMatching(/^[A-Z0-9_]{1,20}$/),
  fc.constantFrom(
    '1000PEPEUSDT',
    '币安人生USDT',
    'BTCUSDT_260327',
    "a'b",
    'data[1]',
    '🚀',
    'A-1d-2020-01-01',
    'klines',
  ),
);
const file = fc
  .record({
    instrument_type: fc.constantFrom(...instrumentTypes),
    cadence: fc.constantFrom(...dataSources),
    symbol,
    timeframe: fc.constantFrom(...timeframeNames),
    time: fc.integer({ min: Date.parse('2017-01-01'), max: Date.parse('2099-12-31') }),
  })
  .map(({ time, ...key }) => {
    const day = new Date(time).toISOString().slice(0, 10);
    const period = { daily: day, monthly: day.slice(0, 7), rest: periodOfBar(key.timeframe, time) }[key.cadence];
    return formatKey({ ...key, period });
  });
const unknown = fc.record({ instrument_type: fc.constantFrom(...instrumentTypes), symbol }).map(unknownSymbolKey);

const isoDay = (ms: number | undefined) => (ms === undefined ? null : new Date(ms).toISOString().slice(0, 10));

test('A22: an old ledger gets the parts of its keys exactly as exchange/keys.ts parses them', async () => {
  const migrations = await readMigrations(root);
  const at = migrations.findIndex(({ name }) => name === '0011_add_parts_of_keys');
  await using warehouse = await createWarehouse({});
  for (const { sql } of migrations.slice(0, at)) await warehouse.run(sql);
  const keys = [
    ...new Set(fc.sample(fc.oneof({ weight: 9, arbitrary: file }, { weight: 1, arbitrary: unknown }), 2_000)),
  ];
  const rows = keys.map((key) => `('${key.replaceAll("'", "''")}', 'staged', TIMESTAMP '2025-07-10')`);
  await warehouse.run(`INSERT INTO staged_archives (key, status, staged_at) VALUES ${rows.join(', ')}`);
  await warehouse.run(migrations[at]?.sql ?? '');

  const columns = 'key, instrument_type, cadence, symbol, timeframe, period_start, period_end';
  const found = new Map(
    (await texts(warehouse, `SELECT ${columns} FROM staged_archives`)).map(([key, ...parts]) => [key, parts]),
  );
  for (const key of keys) {
    const parts = parseStagedKey(key);
    const none = parseUnknownSymbolKey(key);
    const period = parts && periodOf(parts);
    expect([key, found.get(key)]).toEqual([
      key,
      parts === undefined
        ? [none?.instrument_type, 'rest', none?.symbol, null, null, null]
        : [
            parts.instrument_type,
            parts.cadence,
            parts.symbol,
            parts.timeframe,
            isoDay(period?.start),
            isoDay(period?.end),
          ],
    ]);
  }
});
