import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { archiveDirectory, dailyBar, daysFrom, header } from '../support/archive.ts';
import { sha256Tree } from '../support/digest.ts';
import { type PipelineResult, pipelineInProcess } from '../support/pipeline.ts';
import { expectExit, warehouseOf } from '../support/published.ts';
import { queryWarehouse } from '../support/rows.ts';
import { serveArchive } from '../support/serve.ts';
import { tempDir } from '../support/temp.ts';
import { zipOf } from '../support/zip.ts';

const days = daysFrom('2025-07-01', 12);
const asOf = '2025-07-13T12:00:00Z';
/** Enough that one bad archive still leaves more than 95 % of its day. */
const symbols = ['BTCUSDT', ...Array.from({ length: 24 }, (_, i) => `C${String.fromCharCode(65 + i)}USDT`)];

/** A bar of one day with one field replaced. */
function barWith(symbol: string, day: string, field: string, text: string): string {
  const at = header.split(',').indexOf(field);
  return dailyBar(symbol, day).split(',').with(at, text).join(',');
}

interface Bad {
  readonly what: string;
  readonly symbol: string;
  readonly day: string;
  readonly status: 'rejected' | 'absent' | 'failed';
  readonly reason: RegExp;
}

const bad = {
  truncated: { what: 'A20: a truncated zip', symbol: 'CAUSDT', day: '2025-07-02', status: 'rejected', reason: /zip/i },
  wrongSum: {
    what: 'B10 B23: bytes whose MD5 is not the listed one',
    symbol: 'CBUSDT',
    day: '2025-07-03',
    status: 'failed',
    reason: /md5|etag|digest/i,
  },
  html: {
    what: 'A20: an HTML page with status 200',
    symbol: 'CCUSDT',
    day: '2025-07-04',
    status: 'rejected',
    reason: /html|zip|size/i,
  },
  gone: {
    what: 'A16 B10: a 404 between listing and download',
    symbol: 'CDUSDT',
    day: '2025-07-05',
    status: 'absent',
    reason: /404/,
  },
  nan: { what: 'A14: NaN', symbol: 'CEUSDT', day: '2025-07-06', status: 'rejected', reason: /not_a_number|NaN/ },
  eleven: {
    what: 'A14: 11 fields',
    symbol: 'CFUSDT',
    day: '2025-07-07',
    status: 'rejected',
    reason: /11 fields|fields.*11/i,
  },
  otherDay: {
    what: 'A14: a row of another day',
    symbol: 'CGUSDT',
    day: '2025-07-08',
    status: 'rejected',
    reason: /period|outside|another day/i,
  },
  crc: {
    what: 'B22: a member whose CRC-32 is wrong',
    symbol: 'CHUSDT',
    day: '2025-07-09',
    status: 'rejected',
    reason: /crc/i,
  },
  inverted: {
    what: 'A14: low above high',
    symbol: 'CIUSDT',
    day: '2025-07-10',
    status: 'rejected',
    reason: /ohlc|low|high/i,
  },
  takers: {
    what: 'B25: takers that bought more than was traded',
    symbol: 'CKUSDT',
    day: '2025-07-11',
    status: 'rejected',
    reason: /^taker_above_total: row 1, taker_buy_volume 1e12, volume \d/,
  },
  columns: {
    what: 'A31: a header that names the columns in another order',
    symbol: 'CLUSDT',
    day: '2025-07-12',
    status: 'rejected',
    reason: /^header_order: .*"close".* open/,
  },
  otherName: {
    what: 'A20: a zip of another archive',
    symbol: 'CJUSDT',
    day: '2025-07-01',
    status: 'rejected',
    reason: /name|member/i,
  },
} as const satisfies Record<string, Bad>;
const allBad: readonly Bad[] = Object.values(bad);
const keyOf = ({ symbol, day }: Bad) => `data/futures/um/daily/klines/${symbol}/1d/${symbol}-1d-${day}.zip`;

describe('bad input', () => {
  let dataDir: string;
  let result: PipelineResult;
  const ledger = async () => {
    const { rows } = await queryWarehouse(warehouseOf(dataDir), 'select key, status, reason from staged_archives');
    return new Map(rows.map(([key, status, reason]) => [key, { status, reason: String(reason) }]));
  };

  beforeAll(async () => {
    const archive = archiveDirectory(await tempDir('bad-archive-'));
    for (const symbol of symbols) for (const day of days) await archive.putDay(symbol, day);

    const published = new Date('2025-07-10T08:35:00Z');
    const csvName = ({ symbol, day }: Bad) => `${symbol}-1d-${day}.csv`;
    const goodZip = (it: Bad) => zipOf(csvName(it), `${header}\n${dailyBar(it.symbol, it.day)}\n`);
    const replaceRows = (it: Bad, row: string) => archive.putDay(it.symbol, it.day, { rows: [row] });
    await archive.put(keyOf(bad.truncated), goodZip(bad.truncated).subarray(0, 120), published);
    await archive.put(keyOf(bad.html), Buffer.from('<!DOCTYPE html><html><body>Service</body></html>'), published);
    await archive.put(keyOf(bad.otherName), goodZip({ ...bad.otherName, symbol: 'CKUSDT' }), published);
    const wrongCrc = goodZip(bad.crc);
    wrongCrc.writeUInt32LE(0xdeadbeef, 14); // in the local header
    wrongCrc.writeUInt32LE(0xdeadbeef, wrongCrc.indexOf('PK\x01\x02', 'latin1') + 16);
    await archive.put(keyOf(bad.crc), wrongCrc, published);
    await replaceRows(bad.nan, barWith(bad.nan.symbol, bad.nan.day, 'quote_volume', 'NaN'));
    await replaceRows(bad.takers, barWith(bad.takers.symbol, bad.takers.day, 'taker_buy_volume', '1e12'));
    const swapped = header.replace('open,high,low,close', 'close,high,low,open');
    const otherColumns = `${swapped}\n${dailyBar(bad.columns.symbol, bad.columns.day)}\n`;
    await archive.put(keyOf(bad.columns), zipOf(csvName(bad.columns), otherColumns), published);
    await replaceRows(bad.eleven, dailyBar(bad.eleven.symbol, bad.eleven.day).split(',').slice(0, 11).join(','));
    await replaceRows(bad.otherDay, dailyBar(bad.otherDay.symbol, '2025-07-09'));
    await replaceRows(bad.inverted, barWith(bad.inverted.symbol, bad.inverted.day, 'low', '1000000.0'));

    const sameSize = await readFile(join(archive.directory, keyOf(bad.wrongSum)));
    sameSize[60] = (sameSize[60] ?? 0) ^ 0x5a;
    await using server = await serveArchive(archive.directory, {
      answers: new Map([
        [keyOf(bad.wrongSum), (response) => response.end(sameSize)],
        [keyOf(bad.gone), (response) => response.writeHead(404).end('<Error><Code>NoSuchKey</Code></Error>')],
      ]),
    });
    dataDir = await tempDir('bad-');
    const vars = '{"availability_timeframe":"1d","max_failed":0.01}';
    const args = ['run', '--target', 'mirror', '--as-of', asOf, '--vars', vars];
    result = await pipelineInProcess(args, { dataDir, env: { PIPELINE_ARCHIVE_URL: server.url } });
  });

  test('is a warning, and the run continues to its end', () => expectExit(result, 0));

  test.each(allBad)('$what is $status with its reason', async (it) => {
    const entry = (await ledger()).get(keyOf(it));
    expect(entry).toMatchObject({ status: it.status });
    expect(entry?.reason).toMatch(it.reason);
  });

  test.each(allBad)('$what leaves no bar', async ({ symbol, day }) => {
    const sql = `select count(*) from ohlcv where symbol = '${symbol}' and date_trunc('day', timestamp) = '${day}'`;
    expect((await queryWarehouse(warehouseOf(dataDir), sql)).rows).toEqual([[0n]]);
  });

  test('is counted in the closing figures, whether staging or a load rejected it', async () => {
    const file = join(dataDir, 'mirror/artifacts/run.json');
    const { results } = JSON.parse(await readFile(file, 'utf8')) as { results: { message: string }[] };
    const counted = (status: string) =>
      results.reduce((sum, { message }) => sum + Number(new RegExp(`(\\d+) ${status}`).exec(message)?.[1] ?? 0), 0);
    for (const status of ['rejected', 'absent', 'failed'])
      expect(counted(status), status).toBe(allBad.filter((it) => it.status === status).length);
    expect(result.stdout).toMatch(/WARN extract klines: .*8 rejected/);
    expect(result.stdout).toMatch(/WARN model ohlcv: .*2 rejected/);
    expect(result.stdout).toMatch(/Done\. .*ERROR=0/);
  });

  test('is kept aside', async () => {
    const staged = Object.keys(await sha256Tree(join(dataDir, 'mirror/staging')));
    for (const it of allBad.filter(({ status }) => status === 'rejected')) {
      const name = `${it.symbol}-1d-${it.day}`;
      expect(staged.filter((path) => path.includes(name) && path.includes('reject'))).not.toEqual([]);
    }
  });

  test('affects nothing else', async () => {
    const { rows } = await queryWarehouse(
      warehouseOf(dataDir),
      `select symbol || '-1d-' || strftime(timestamp, '%Y-%m-%d') from ohlcv order by 1`,
    );
    const missing = new Set(allBad.map(({ symbol, day }) => `${symbol}-1d-${day}`));
    const wanted = symbols
      .flatMap((symbol) => days.map((day) => `${symbol}-1d-${day}`))
      .filter((name) => !missing.has(name));
    expect(rows.flat()).toEqual(wanted.sort());
  });
});
