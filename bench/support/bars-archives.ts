import { hash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { deflateRaw } from 'node:zlib';
import { DuckDBInstance } from '@duckdb/node-api';
import { writeWhole } from '../../engine/disk.ts';
import { type ArchiveKey, archiveName, formatKey, periodOf } from '../../exchange/keys.ts';
import { msOfDay, type Timeframe } from '../../exchange/timeframes.ts';
import type { InstrumentType } from '../../exchange/vocabulary.ts';
import { compareKeys } from '../../extract/archive/store.ts';
import { zipOf } from '../../extract/sample/zip-writer.ts';
import { type BenchOptions, scaled } from './options.ts';

const allSymbols = ['BTCUSDT', 'ETHUSDT', 'BNBUSDT', 'SOLUSDT', 'XRPUSDT'] as const;
const months = ['2023-11', '2023-12', '2024-01', '2024-02'] as const;
const [start, end] = ['2023-11-01', '2024-03-01'];

/** Timeframe → the SQL for the open time of its bar, from `t`, and the table that it aggregates. */
const buckets: Readonly<Record<Timeframe, readonly [opensAt: string, from: '1s' | '1m' | '1d']>> = {
  '1s': ['t', '1s'],
  '1m': ["time_bucket(INTERVAL '1 minute', t)", '1s'],
  '3m': ["time_bucket(INTERVAL '3 minutes', t)", '1m'],
  '5m': ["time_bucket(INTERVAL '5 minutes', t)", '1m'],
  '15m': ["time_bucket(INTERVAL '15 minutes', t)", '1m'],
  '30m': ["time_bucket(INTERVAL '30 minutes', t)", '1m'],
  '1h': ["time_bucket(INTERVAL '1 hour', t)", '1m'],
  '2h': ["time_bucket(INTERVAL '2 hours', t)", '1m'],
  '4h': ["time_bucket(INTERVAL '4 hours', t)", '1m'],
  '6h': ["time_bucket(INTERVAL '6 hours', t)", '1m'],
  '8h': ["time_bucket(INTERVAL '8 hours', t)", '1m'],
  '12h': ["time_bucket(INTERVAL '12 hours', t)", '1m'],
  '1d': ["time_bucket(INTERVAL '1 day', t)", '1m'],
  '3d': ["time_bucket(INTERVAL '3 days', t, TIMESTAMP '1970-01-01')", '1d'],
  '1w': ["time_bucket(INTERVAL '7 days', t, TIMESTAMP '1970-01-05')", '1d'],
  '1mo': ["date_trunc('month', t)", '1d'],
};
/** Timeframes with a fixed number of bars; longer bars may open outside the range. */
const upToADay = ['1s', '1m', '3m', '5m', '15m', '30m', '1h', '2h', '4h', '6h', '8h', '12h', '1d'];
export const barTimeframes = Object.keys(buckets) as readonly Timeframe[];

export interface BarArchives {
  readonly directory: string;
  readonly index: string;
  /** Data lines by market. */
  readonly rows: Readonly<Record<'spot' | 'futures-um', number>>;
}

/**
 * Four months of five symbols, with every bar of every timeframe: seconds from a hash of the time, all others
 * aggregated from them, so that they agree to the last digit. Monthly archives only; made once.
 */
export async function makeBarArchives({ directory: parent, scale }: BenchOptions): Promise<BarArchives> {
  const symbols = allSymbols.slice(0, scaled(allSymbols.length, { scale }));
  const directory = join(parent, 'archives', `bars-${symbols.length}`);
  const index = join(directory, 'index.tsv');
  const counts = join(directory, 'rows.json');
  if (!existsSync(index)) {
    console.error(`making ${directory}`);
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
    const lines: string[] = [];
    const rows = { spot: 0, 'futures-um': 0 };
    for (const [number, symbol] of symbols.entries()) {
      for (const market of ['spot', 'futures-um'] as const) {
        rows[market] += await makeSeries({ symbol, number, market, directory }, lines);
        console.error(`  ${market} ${symbol}`);
      }
    }
    const keyOf = (line: string): string => line.slice(0, line.indexOf('\t'));
    writeFileSync(counts, JSON.stringify(rows));
    writeWhole(index, lines.sort((a, b) => compareKeys(keyOf(a), keyOf(b))).join(''));
  }
  return { directory, index, rows: JSON.parse(readFileSync(counts, 'utf8')) as BarArchives['rows'] };
}

interface SeriesToMake {
  readonly symbol: string;
  readonly number: number;
  readonly market: InstrumentType & ('spot' | 'futures-um');
  readonly directory: string;
}

async function makeSeries({ symbol, number, market, directory }: SeriesToMake, index: string[]): Promise<number> {
  const database = join(directory, 'making.duckdb');
  const instance = await DuckDBInstance.create(database);
  const connection = await instance.connect();
  let made = 0;
  try {
    // Futures trade slightly above spot; their seconds exist only to be aggregated to minutes.
    const seed = number * 2 + (market === 'spot' ? 0 : 1);
    await connection.run(`CREATE TABLE "1s" AS
      SELECT t, p + h % 7 AS open, p + h % 7 + 3 + h // 7 % 11 AS high, p + h % 7 - 3 - h // 77 % 11 AS low, p + h % 7 - 2 + h // 847 % 5 AS close,
        (h // 4235 % 90000)::BIGINT AS volume, ((h // 4235 % 90000) * (p + h % 7))::BIGINT AS quote,
        (h // 4235 % 40)::BIGINT AS trades, (h // 4235 % 90000) // 3 AS taker, ((h // 4235 % 90000) // 3 * (p + h % 7))::BIGINT AS taker_quote
      FROM (SELECT t, (hash(epoch(t)::BIGINT, ${seed}) >> 8)::BIGINT AS h,
        (${(number + 1) * 100_000 + seed} + 20000 * sin(epoch(t) / 90000) + 900 * sin(epoch(t) / 700))::BIGINT AS p
        FROM range(TIMESTAMP '${start}', TIMESTAMP '${end}', INTERVAL 1 SECOND) AS r(t))`);
    for (const [timeframe, [opensAt, from]] of Object.entries(buckets) as [Timeframe, (typeof buckets)[Timeframe]][]) {
      if (timeframe !== '1s') {
        await connection.run(`CREATE TABLE "${timeframe}" AS
          SELECT ${opensAt} AS t, arg_min(open, b.t) AS open, max(high) AS high, min(low) AS low, arg_max(close, b.t) AS close,
            sum(volume)::BIGINT AS volume, sum(quote)::BIGINT AS quote, sum(trades)::BIGINT AS trades,
            sum(taker)::BIGINT AS taker, sum(taker_quote)::BIGINT AS taker_quote
          FROM "${from}" AS b GROUP BY 1 ORDER BY 1`);
      }
      if (timeframe === '1s' && market !== 'spot') continue;
      for (const period of months) {
        const key: ArchiveKey = { instrument_type: market, cadence: 'monthly', symbol, timeframe, period };
        const { rows, line } = await writeArchive(connection, key, directory);
        made += rows;
        index.push(line);
      }
    }
    const [[judged] = []] = (
      await connection.runAndReadAll(
        `SELECT (${upToADay.map((name) => `(SELECT count(*) FROM "${name}")`).join(' + ')})::INTEGER`,
      )
    ).getRows();
    if (judged !== 10_745_284) throw new Error(`${symbol} has ${judged} bars up to a day instead of 10,745,284`);
  } finally {
    connection.closeSync();
    instance.closeSync();
    for (const file of [database, `${database}.wal`]) rmSync(file, { force: true });
  }
  return made;
}

const deflate = promisify(deflateRaw);

/** As in the archive, spot has eight decimals and no header, and futures have a header. */
async function writeArchive(
  connection: Awaited<ReturnType<DuckDBInstance['connect']>>,
  key: ArchiveKey,
  directory: string,
): Promise<{ readonly rows: number; readonly line: string }> {
  const name = archiveName(key);
  const path = join(directory, formatKey(key));
  mkdirSync(dirname(path), { recursive: true });
  const csv = join(directory, `${name}.csv`);
  const spot = key.instrument_type === 'spot';
  const text = (units: string, digits: number, perOne = 100) =>
    `(${units} / ${perOne})::DECIMAL(24, ${spot ? 8 : digits})`;
  const length =
    key.timeframe === '1mo'
      ? "INTERVAL '1 month'"
      : key.timeframe === '1w'
        ? 'INTERVAL 7 DAYS'
        : lengthOf(key.timeframe);
  const { rowsChanged } = await connection.run(`COPY (
    SELECT epoch_ms(t) AS open_time, ${text('open', 2)} AS open, ${text('high', 2)} AS high, ${text('low', 2)} AS low,
      ${text('close', 2)} AS close, ${text('volume', 3)} AS volume, epoch_ms(t + ${length}) - 1 AS close_time,
      ${text('quote', 5, 10_000)} AS quote_volume, trades AS count, ${text('taker', 3)} AS taker_buy_volume,
      ${text('taker_quote', 5, 10_000)} AS taker_buy_quote_volume, 0 AS ignore
    FROM "${key.timeframe}" WHERE t >= DATE '${key.period}-01' AND t < DATE '${key.period}-01' + INTERVAL 1 MONTH)
    TO '${csv}' (FORMAT csv, HEADER ${!spot})`);
  const content = readFileSync(csv);
  rmSync(csv);
  const zip = zipOf(`${name}.csv`, content, await deflate(content, { level: 1 }));
  writeFileSync(path, zip);
  const published = new Date((periodOf(key)?.end ?? 0) + 5.5 * msOfDay).toISOString();
  return { rows: rowsChanged, line: `${[formatKey(key), zip.length, hash('md5', zip), published].join('\t')}\n` };
}

const units: Readonly<Record<string, string>> = { s: 'SECONDS', m: 'MINUTES', h: 'HOURS', d: 'DAYS' };
const lengthOf = (timeframe: string): string =>
  `INTERVAL ${timeframe.slice(0, -1)} ${units[timeframe.slice(-1)] ?? ''}`;
