import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { defaultAsOf, irregularClose } from '../../../extract/sample/cases.ts';
import { contracts } from '../../../extract/sample/universe.ts';
import { dateOfRow, daysBetween, listAll, periodsOf, prefixesOf, rowsOf, sample } from './support.ts';

const klines = 'data/futures/um/daily/klines/';

describe('the 1d bars of the sample', () => {
  /** Symbol → date → columns, from the monthly archives, then from the daily ones of July. */
  const bars = new Map<string, Map<string, readonly string[]>>();
  const available = new Map<string, ReadonlySet<string>>();
  const days = daysBetween('2025-01-15', '2025-07-10');

  beforeAll(async () => {
    for (const symbol of await prefixesOf(sample, klines)) {
      const byDay = new Map<string, readonly string[]>();
      for (const month of await periodsOf(sample, 'monthly', symbol, '1d'))
        for (const row of await rowsOf(sample, 'monthly', symbol, '1d', month)) byDay.set(dateOfRow(row), row);
      for (const date of await periodsOf(sample, 'daily', symbol, '1d'))
        if (!byDay.has(date)) for (const row of await rowsOf(sample, 'daily', symbol, '1d', date)) byDay.set(date, row);
      bars.set(symbol, byDay);
      available.set(symbol, new Set(await periodsOf(sample, 'daily', symbol, '1m')));
    }
  });

  const perpetuals = contracts
    .filter(({ kind, quote }) => kind === 'perpetual' && quote === 'USDT')
    .map(({ symbol }) => symbol);
  const quoteVolume = (symbol: string, date: string): number => Number(bars.get(symbol)?.get(date)?.[7] ?? 0);
  const ranked = (date: string): readonly string[] =>
    perpetuals
      .filter((symbol) => quoteVolume(symbol, date) > 0)
      .sort((a, b) => quoteVolume(b, date) - quoteVolume(a, date));

  test('cover at least 150 days and more than 60 symbols', () => {
    expect(bars.size).toBeGreaterThanOrEqual(60);
    for (const date of ['2025-01-15', '2025-07-09']) expect(bars.get('BTCUSDT')?.has(date)).toBe(true);
    expect(bars.get('BTCUSDT')?.size).toBe(days.length);
    expect(days.length).toBeGreaterThanOrEqual(150);
  });

  test('are consistent: low ≤ open, close ≤ high; takers ≤ total; mean price inside; times of a whole day', () => {
    for (const [symbol, byDay] of bars)
      for (const [date, row] of byDay) {
        const [openTime, open, high, low, close, volume, closeTime, quote, trades, taker, takerQuote, ignore] = row.map(
          Number,
        ) as [number, number, number, number, number, number, number, number, number, number, number, number];
        const facts = [
          row.length === 12,
          openTime === Date.parse(date),
          closeTime === openTime + (symbol === irregularClose.symbol && date === irregularClose.date ? -1 : 86_399_999),
          low > 0 && low <= Math.min(open, close) && Math.max(open, close) <= high,
          taker <= volume && takerQuote <= quote,
          Number.isInteger(trades) && trades > 0 === volume > 0,
          volume === 0 || (low <= quote / volume && quote / volume <= high),
          ignore === 0,
        ];
        expect(facts, `${symbol} ${date} ${row}`).toEqual(facts.map(() => true));
      }
  });

  test('A5: have the decimals of their symbol, and zeros without any', () => {
    const decimals = new Set<number>();
    for (const { symbol, priceDecimals, quantityDecimals } of contracts.filter(({ kind }) => kind !== 'spot'))
      for (const row of bars.get(symbol)?.values() ?? []) {
        const lengths = row.map((text) => text.split('.')[1]?.length ?? 0);
        expect(lengths.slice(1, 5)).toEqual([priceDecimals, priceDecimals, priceDecimals, priceDecimals]);
        if (row[8] === '0') continue;
        expect([lengths[5], lengths[9]]).toEqual([quantityDecimals, quantityDecimals]);
        expect([lengths[7], lengths[10]]).toEqual([priceDecimals + quantityDecimals, priceDecimals + quantityDecimals]);
        decimals.add(priceDecimals + quantityDecimals);
      }
    expect(Math.min(...decimals)).toBeLessThanOrEqual(4);
    expect(Math.max(...decimals)).toBeGreaterThanOrEqual(8);
  });

  test("open near the last day's close", () => {
    for (const [symbol, byDay] of bars)
      for (const [date, row] of byDay) {
        const yesterday = byDay.get(new Date(Date.parse(date) - 86_400_000).toISOString().slice(0, 10));
        // Prices jump across a halt.
        if (yesterday && yesterday[8] !== '0')
          expect(Math.abs(Number(row[1]) / Number(yesterday[4]) - 1), `${symbol} ${date}`).toBeLessThan(0.002);
      }
  });

  test('have BTCUSDT among the five largest on at least 90 % of days', () => {
    const near = days.filter((date) => ranked(date).slice(0, 5).includes('BTCUSDT'));
    expect(near.length / days.length).toBeGreaterThanOrEqual(0.9);
  });

  test('are heavy-tailed, and ranks change', () => {
    for (const date of ['2025-02-01', '2025-05-02', '2025-07-09']) {
      const volumes = ranked(date).map((symbol) => quoteVolume(symbol, date));
      const total = volumes.reduce((a, b) => a + b, 0);
      expect(total).toBeGreaterThan(15e9);
      expect(total).toBeLessThan(150e9);
      expect(volumes.slice(0, 5).reduce((a, b) => a + b, 0) / total).toBeGreaterThan(0.5);
      expect((volumes[0] ?? 0) / (volumes.at(-1) ?? 1)).toBeGreaterThan(1_000);
    }
    const moved = days.slice(1).filter((date, i) => ranked(date).join() !== ranked(days[i] ?? '').join());
    expect(moved.length).toBe(days.length - 1);
  });

  test('have a figure in dollars for at least 99 % of the available symbols of every day', () => {
    for (const date of days) {
      const here = [...available].filter(([, dates]) => dates.has(date)).map(([symbol]) => symbol);
      const covered = here.filter((symbol) => symbol !== 'ETHBTC' && bars.get(symbol)?.has(date));
      expect(covered.length / here.length, date).toBeGreaterThanOrEqual(0.99);
    }
  });

  test('reach the newest day for at least 90 % of the symbols of the day before', () => {
    const on = (date: string) => [...available].filter(([, dates]) => dates.has(date)).map(([symbol]) => symbol);
    const before = on('2025-07-08');
    expect(on('2025-07-09').filter((symbol) => before.includes(symbol)).length).toBeGreaterThanOrEqual(
      0.9 * before.length,
    );
    expect(on('2025-07-10')).toEqual([]);
  });
});

test('daily archives appear the next day between 08:30 and 08:40, at varying seconds', async () => {
  const seconds = new Set<number>();
  for (const symbol of ['BTCUSDT', 'TRXUSDT', '4USDT'])
    for (const { key, lastModified } of await listAll(sample, `${klines}${symbol}/`)) {
      const date = /\d{4}-\d{2}-\d{2}/.exec(key)?.[0] ?? '';
      const second = (lastModified.getTime() - Date.parse(date)) / 1_000 - 86_400;
      expect(second).toBeGreaterThanOrEqual(8 * 3_600 + 30 * 60);
      expect(second).toBeLessThanOrEqual(8 * 3_600 + 40 * 60);
      seconds.add(second);
    }
  expect(seconds.size).toBeGreaterThan(300);
});

test('monthly archives appear on the first Monday of the next month', async () => {
  const mondays = {
    '2025-01': '02-03',
    '2025-02': '03-03',
    '2025-03': '04-07',
    '2025-04': '05-05',
    '2025-05': '06-02',
  };
  for (const { key, lastModified } of await listAll(sample, 'data/futures/um/monthly/klines/ETHUSDT/')) {
    const month = /\d{4}-\d{2}/.exec(key)?.[0] ?? '';
    expect(lastModified.toISOString().slice(5, 10)).toBe({ ...mondays, '2025-06': '07-07' }[month]);
    expect(lastModified.getUTCHours()).toBeGreaterThanOrEqual(9);
  }
});

test('the target sample in pipeline.yaml has the as-of that the sample is made for', async () => {
  const { targets } = parse(await readFile(join(import.meta.dirname, '../../../pipeline.yaml'), 'utf8'));
  expect(targets.sample).toMatchObject({ archive: 'sample', as_of: defaultAsOf });
});
