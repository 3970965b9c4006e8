import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { schemaStatements } from '../../../engine/duckdb/ddl.ts';
import { openWarehouse, type Warehouse } from '../../../engine/duckdb/warehouse.ts';
import { readMigrations } from '../../../engine/migrations/folder.ts';
import { recordApplied } from '../../../engine/migrations/states.ts';
import { msOfDay } from '../../../exchange/timeframes.ts';
import { schema } from '../../../models/schema.ts';
import { insertLedger } from '../../support/ledger-rows.ts';
import { root } from '../../support/pipeline.ts';
import { tempDir } from '../../support/temp.ts';

export const dayAfter = (day: string, days = 1): string =>
  new Date(Date.parse(day) + days * msOfDay).toISOString().slice(0, 10);

/** What a symbol did on the days from `from` to `to`, both included. */
interface Span {
  readonly from: string;
  readonly to: string;
  /** `flat`: a bar without trades; `no bar`: listed, but its archive was rejected; `away`: a row that says so. */
  readonly state: 'traded' | 'flat' | 'no bar' | 'away';
}

const first = '2025-05-01';
const last = '2025-06-09';
/** A day that the archive has not published yet, although the days after it are published (A21). */
const late = '2025-05-20';

const always = (symbol: string, volume: number, state: Span['state'] = 'traded') =>
  [symbol, volume, [{ from: first, to: last, state }]] as const;

/** Symbols, their turnover, and their history. */
const history: readonly (readonly [string, number, readonly Span[]])[] = [
  always('BTCUSDT', 9_000),
  always('ETHUSDT', 8_000),
  always('币安人生USDT', 10),
  [
    'HOLEUSDT', // the archive of one day was rejected
    70,
    [
      { from: first, to: '2025-05-14', state: 'traded' },
      { from: '2025-05-15', to: '2025-05-15', state: 'no bar' },
      { from: '2025-05-16', to: last, state: 'traded' },
    ],
  ],
  [
    'SETTLEDUSDT', // stopped trading, still publishes flat bars (A13)
    60,
    [
      { from: first, to: '2025-05-10', state: 'traded' },
      { from: '2025-05-11', to: last, state: 'flat' },
    ],
  ],
  [
    'GONEUSDT', // left, as the grace days say
    50,
    [
      { from: first, to: '2025-05-12', state: 'traded' },
      { from: '2025-05-13', to: last, state: 'away' },
    ],
  ],
  [
    'TWICEUSDT', // a ticker that is reused (A24)
    40,
    [
      { from: first, to: '2025-05-05', state: 'traded' },
      { from: '2025-05-22', to: last, state: 'traded' },
    ],
  ],
  ['NEWUSDT', 30, [{ from: '2025-05-15', to: last, state: 'traded' }]],
  [
    'SLOWUSDT', // its last archives are late
    20,
    [
      { from: first, to: '2025-06-07', state: 'traded' },
      { from: '2025-06-08', to: last, state: 'away' },
    ],
  ],
];

/** Turnover varies by day, so that neighbouring ranks change places now and then. */
const volumeOf = (volume: number, day: string): number => volume * (1 + ((Date.parse(day) / msOfDay) % 7) / 10);

function* availabilityRows(): Generator<string> {
  for (const [symbol, volume, spans] of history) {
    for (const { from, to, state } of spans) {
      for (let day = from; day <= to; day = dayAfter(day)) yield availabilityRow(symbol, volume, day, state);
    }
  }
}

function availabilityRow(symbol: string, volume: number, day: string, state: Span['state']): string {
  const listed = state !== 'away' && day !== late;
  const file = listed ? `true, 500, '${dayAfter(day)} 08:35:00'` : 'false, NULL, NULL';
  const amount = state === 'traded' ? volumeOf(volume, day) : 0;
  const trades = state === 'traded' ? 100 : 0;
  const hasBar = listed && state !== 'no bar';
  const figures = hasBar ? [amount, trades, amount / 2, amount / 4, amount / 2, 2, 3, 1, 2] : Array(9).fill('NULL');
  return `('${day}', '${symbol}', ${file}, 'https://example.invalid', ${listed ? 200 : 404}, '2025-06-10', ${figures.join(', ')})`;
}

const rankings = `
  INSERT INTO volume_rankings
  WITH ranked AS (
    SELECT date, symbol, dense_rank() OVER (PARTITION BY date ORDER BY quote_volume_usdt DESC) AS rank,
           quote_volume_usdt, trade_count, 100 * quote_volume_usdt / sum(quote_volume_usdt) OVER (PARTITION BY date) AS share
    FROM daily_availability WHERE trade_count > 0
  )
  SELECT now.date, now.symbol, now.rank, now.quote_volume_usdt, now.trade_count,
         now.rank - day.rank, now.rank - week.rank, NULL, NULL, 0, now.share, 1, '2025-06-10'
  FROM ranked AS now
  LEFT JOIN ranked AS day ON day.symbol = now.symbol AND day.date = now.date - 1
  LEFT JOIN ranked AS week ON week.symbol = now.symbol AND week.date = now.date - 7`;

/** Bars of `1h` and `1m` with a hole, bars off the grid (A8), µs in close_time, and sums that binary floats miss. */
const bars = (series: {
  symbol: string;
  market: string;
  timeframe: string;
  minutes: number;
  from: string;
  to: string;
}) => `
  INSERT INTO ohlcv
  SELECT '${series.symbol}', '${series.timeframe}', '${series.market}', t, n % 7 + 1, n % 7 + 3, n % 7 + 0.5, n % 7 + 2,
         0.1, t + INTERVAL ${series.minutes} MINUTES - INTERVAL 1 MICROSECOND, 0.2, 3, 0.05, 0.1, 'monthly'
  FROM (SELECT unnest(generate_series(TIMESTAMP '${series.from}', TIMESTAMP '${series.to}' - INTERVAL 1 MINUTE,
               INTERVAL ${series.minutes} MINUTES)) AS t), LATERAL (SELECT epoch_ms(t) // 60000 // ${series.minutes} AS n)`;

const series = [
  { symbol: 'BTCUSDT', market: 'spot', timeframe: '1h', minutes: 60, from: '2024-01-01', to: '2024-03-01' },
  { symbol: 'BTCUSDT', market: 'spot', timeframe: '1m', minutes: 1, from: '2024-01-01', to: '2024-01-03' },
  { symbol: 'BTCUSDT', market: 'spot', timeframe: '1d', minutes: 1440, from: '2024-01-01', to: '2024-03-01' },
  { symbol: 'BTCUSDT', market: 'futures-um', timeframe: '1h', minutes: 60, from: '2024-01-01', to: '2024-01-02' },
  { symbol: 'BTCUSD_PERP', market: 'futures-cm', timeframe: '1h', minutes: 60, from: '2024-01-01', to: '2024-01-02' },
];

const flaws = [
  // Three hours without bars, and three that open late.
  `DELETE FROM ohlcv WHERE instrument_type = 'spot' AND timeframe = '1h'
     AND timestamp >= '2024-02-08 00:00' AND timestamp < '2024-02-08 03:00'`,
  `UPDATE ohlcv SET timestamp = timestamp + INTERVAL '28 minutes 14.789 seconds'
   WHERE instrument_type = 'spot' AND timeframe = '1h' AND timestamp >= '2024-02-08 03:00' AND timestamp < '2024-02-08 06:00'`,
];

const ledger = insertLedger(
  ...(
    [
      ['data/futures/um/daily/klines/HOLEUSDT/1d/HOLEUSDT-1d-2025-05-15.zip', 'rejected', 'not_a_number'],
      ['data/futures/um/daily/klines/ODDUSDT/1d/ODDUSDT-1d-2025-05-16.zip', 'absent', '404'],
      ['data/futures/um/daily/klines/SLOWUSDT/1d/SLOWUSDT-1d-2025-06-08.zip', 'failed', 'no answer'],
      ['data/futures/um/daily/klines/BTCUSDT/1d/BTCUSDT-1d-2025-06-08.zip', 'loaded', null],
      ['data/spot/monthly/klines/BTCUSDT/1h/BTCUSDT-1h-2023-12.zip', 'rejected', 'md5_mismatch'],
    ] as const
  ).map(([key, status, reason]) => ({ key, status, reason, etag: null, staged_at: '2025-06-10' })),
);

const revised = `
  INSERT INTO archive_revisions VALUES
    ('data/futures/um/daily/klines/HOLEUSDT/1d/HOLEUSDT-1d-2025-05-15.zip', 1, 'e2', 's2', 'e1', 's1', 1, 0, 0, '2025-06-01'),
    ('data/futures/um/daily/klines/HOLEUSDT/1d/HOLEUSDT-1d-2025-05-15.zip', 2, 'e3', 's3', 'e2', 's2', NULL, NULL, NULL, '2025-06-01'),
    ('a/BTCUSDT-1d-2025-06-08.zip', 1, 'e2', 's2', 'e1', 's1', 0, 0, 1, '2025-06-10')`;

const conflicting = `
  INSERT INTO conflicts VALUES
    ('spot', 'BTCUSDT', '1d', '2024-01-02', 'monthly.zip', 'daily.zip', 'volume', '0.10', '0.1000001'),
    ('spot', 'BTCUSDT', '1d', '2024-01-02', 'monthly.zip', 'daily.zip', 'close', '2', '3')`;

const listing = `
  INSERT INTO archive_objects VALUES ('data/futures/um/daily/klines/HOLEUSDT/1d/HOLEUSDT-1d-2025-05-15.zip', 'futures-um', 'daily', 'HOLEUSDT', '1d',
    '2025-05-15', '2025-05-16', 500, 'etag', '2025-05-16 08:35', '2025-06-10')`;

const gaps = `
  INSERT INTO gaps VALUES
    ('spot', 'BTCUSDT', '1h', '2024-02-08 00:00', '2024-02-08 03:00', 3, 'exchange_outage', 'an archive'),
    ('futures-um', 'BTCUSDT', '1h', '2024-01-02 00:00', '2024-03-01 00:00', 1416, 'not_published', 'a listing'),
    ('futures-um', 'ETHUSDT', '1d', '2025-05-01 00:00', '2025-05-03 00:00', 2, 'archive_hole', 'a listing'),
    ('futures-um', 'ETHUSDT', '1d', '2025-05-10 00:00', '2025-05-11 00:00', 1, 'failed', 'an archive')`;

const gapsState = `
  INSERT INTO partition_state (model, partition, input_digest, run_id)
  SELECT 'gaps', unnest(['spot/BTCUSDT/1h', 'spot/BTCUSDT/1d', 'futures-um/BTCUSDT/1h', 'futures-um/ETHUSDT/1d',
                         'futures-cm/BTCUSD_PERP/1h']), 'x', 'run'`;

export interface Fixture {
  /** The folder for `--data-dir`. */
  readonly dataDir: string;
  readonly file: string;
  readonly exports: string;
}

/** A small warehouse of the target `sample` as a build would leave it, with exports on request. */
export async function writeWarehouse({ withExports = false, rows = true } = {}): Promise<Fixture> {
  const dataDir = await tempDir('queries-');
  const directory = join(dataDir, 'sample');
  const fixture = { dataDir, file: join(directory, 'warehouse.duckdb'), exports: join(directory, 'exports') };
  await mkdir(fixture.exports, { recursive: true });
  await using warehouse = await openWarehouse({ file: fixture.file });
  for (const statement of schemaStatements(schema)) await warehouse.run(statement);
  await recordApplied(warehouse, await readMigrations(root), new Date('2025-06-10'));
  if (rows) await insertRows(warehouse);
  if (withExports) {
    for (const table of ['daily_availability', 'volume_rankings']) {
      await warehouse.run(`COPY ${table} TO '${join(fixture.exports, `${table}.parquet`)}' (FORMAT parquet)`);
    }
  }
  return fixture;
}

async function insertRows(warehouse: Warehouse): Promise<void> {
  await warehouse.run(`INSERT INTO daily_availability VALUES ${[...availabilityRows()].join(', ')}`);
  for (const statement of [
    rankings,
    ...series.map(bars),
    ...flaws,
    ledger,
    revised,
    conflicting,
    listing,
    gaps,
    gapsState,
  ])
    await warehouse.run(statement);
}
