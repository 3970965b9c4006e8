import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { bufferSource, findMember, inflateMember } from '../../../extract/verify/zip.ts';
import { getOhlcv } from '../../../queries/index.ts';
import { nearestToSum } from '../../support/decimal.ts';
import { describeShared, realArchive } from '../../support/shared.ts';
import { tempDir } from '../../support/temp.ts';
import { openWorkbench } from '../models/workbench.ts';

const minute = 60_000;
/** The minutes of the real archive, by day. */
const series = [
  ['spot', 'BTCUSDT'],
  ['spot', 'ETHUSDT'],
  ['futures/um', 'BTCUSDT'],
  ['futures/cm', 'BTCUSD_PERP'],
] as const;
/** Columns that are summed, and their fields in a line. */
const sums = {
  volume: 5,
  quote_asset_volume: 7,
  taker_buy_base_asset_volume: 9,
  taker_buy_quote_asset_volume: 10,
} as const;

type Market = (typeof series)[number][0];

async function linesOf(market: Market, symbol: string): Promise<readonly (readonly string[])[]> {
  const directory = join(await realArchive(), `data/${market}/daily/klines/${symbol}/1m`);
  const zips = (await readdir(directory)).filter((name) => name.endsWith('.zip')).sort();
  const days = zips.map(async (name) => {
    const zip = await readFile(join(directory, name));
    const member = await findMember(bufferSource(zip), name.replace(/zip$/, 'csv'));
    if ('code' in member) throw new Error(`${name}: ${member.text}`);
    const lines = inflateMember(zip, member).toString().split('\n');
    return lines.filter((line) => /^\d/.test(line)).map((line) => line.trim().split(','));
  });
  return (await Promise.all(days)).flat();
}

describeShared('minutes of the real archive', () => {
  const published = new Map<string, readonly (readonly string[])[]>();
  let file: string;
  beforeAll(async () => {
    await using bench = await openWorkbench();
    const csv = join(await tempDir('minutes-'), 'minutes.csv');
    for (const [market, symbol] of series) {
      const lines = await linesOf(market, symbol);
      published.set(`${market} ${symbol}`, lines);
      await writeFile(csv, lines.map((line) => line.join(',')).join('\n'));
      const names = 'open_time open high low close volume close_time quote trades taker_base taker_quote rest'.split(
        ' ',
      );
      const columns = names.map((name) => `${name}: '${name === 'rest' ? 'VARCHAR' : 'DOUBLE'}'`).join(', ');
      await bench.warehouse.run(`INSERT INTO ohlcv SELECT '${symbol}', '1m', '${market.replace('/', '-')}',
        make_timestamp(open_time::BIGINT * 1000), open, high, low, close, volume,
        make_timestamp(close_time::BIGINT * 1000), quote, trades, taker_base, taker_quote, 'daily'
        FROM read_csv('${csv}', header = false, columns = {${columns}})`);
    }
    await bench.warehouse.run('CHECKPOINT');
    file = join(await tempDir('resampled-'), 'warehouse.duckdb');
    await copyFile(bench.warehouse.file, file);
  });

  test.each(
    series.flatMap(([market, symbol]) =>
      (
        [
          ['3m', 3],
          ['5m', 5],
          ['1h', 60],
          ['1d', 1440],
        ] as const
      ).map(([timeframe, minutes]) => [market, symbol, timeframe, minutes] as const),
    ),
  )('B32: of %s %s add up to the %s bars that their decimals make', async (market, symbol, resample, minutes) => {
    const lines = published.get(`${market} ${symbol}`) ?? [];
    const buckets = Map.groupBy(lines, ([time]) => Math.floor(Number(time) / (minutes * minute)));
    const instrumentType = market.replace('/', '-') as 'spot';
    const bars = await getOhlcv({ symbol, timeframe: '1m', resample, instrumentType, file });
    expect(bars).toHaveLength(buckets.size);
    for (const bar of bars) {
      const texts = buckets.get(bar.timestamp.getTime() / (minutes * minute)) ?? [];
      for (const [column, field] of Object.entries(sums)) {
        const sum = nearestToSum(texts.map((line) => line[field] as string));
        expect(bar[column as keyof typeof sums], `${bar.timestamp.toISOString()} ${column}`).toBe(sum);
      }
    }
  });
});
