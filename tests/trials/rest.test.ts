import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ArchiveDirectory, dailyBar, smallArchive, writeSmallArchive } from '../support/archive.ts';
import { sha256Tree } from '../support/digest.ts';
import { type Exchange, openExchange } from '../support/exchange.ts';
import { pipeline, pipelineInProcess, startPipeline } from '../support/pipeline.ts';
import { expectExit, expectSameRows, publishedRows, warehouseOf } from '../support/published.ts';
import { queryWarehouse } from '../support/rows.ts';
import { type ServedArchive, serveArchive } from '../support/serve.ts';
import { tempDir } from '../support/temp.ts';

const symbols = smallArchive.symbols.slice(0, 4);
const days = smallArchive.days.slice(-16);
/** The days that the archive has not published yet. */
const recent = days.slice(-2);
/** The days that the archive lacks for all symbols but the first. */
const hole = '2025-07-02';

/** An archive without the recent days and without the hole. */
async function writeArchive() {
  const archive = await writeSmallArchive(await tempDir('small-'), {
    symbols,
    days: days.filter((day) => day !== hole && !recent.includes(day)),
  });
  await archive.putDay(symbols[0] as string, hole);
  return archive;
}

describe('rest_fill', () => {
  let archive: ArchiveDirectory;
  let server: ServedArchive;
  let exchange: Exchange;
  let args: readonly string[];
  let env: Readonly<Record<string, string>>;

  beforeAll(async () => {
    archive = await writeArchive();
    server = await serveArchive(archive.directory);
    exchange = await openExchange();
    for (const symbol of symbols) {
      const bars = days.map((day) => dailyBar(symbol, day));
      // An unfinished bar of today, which must never count.
      exchange.bars.set(`futures-um/${symbol}/1d`, [...bars, dailyBar(symbol, '2025-07-09', 1)]);
    }
    env = { PIPELINE_ARCHIVE_URL: server.url };
    args = [
      ...['run', '--target', 'mirror', '--vars', '{"availability_timeframe":"1d"}', '--as-of', smallArchive.asOf],
      ...['--var', 'rest_fill=true', '--var', `rest_urls=${exchange.urls.join(',')}`],
    ];
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await exchange[Symbol.asyncDispose]();
  });

  const restRows = async (dataDir: string) =>
    (
      await queryWarehouse(
        warehouseOf(dataDir),
        `select cast("timestamp" as date)::varchar as day, count(*), min(symbol), bool_and(close_time = "timestamp" + interval 1 day - interval 1 millisecond)
         from ohlcv where data_source = 'rest' group by 1 order by 1`,
      )
    ).rows;

  test('B7: fills what the archive lacks or has not published yet, in any time zone, and certifies it as such', async () => {
    const dataDir = await tempDir('rest-');
    const ran = await pipelineInProcess(args, { dataDir, env });
    expectExit(ran, 0);
    expect(await restRows(dataDir)).toEqual([
      [hole, 3n, '1000PEPEUSDT', true],
      ...recent.map((day) => [day, 4n, '1000PEPEUSDT', true]),
    ]);
    const { rows: gaps } = await queryWarehouse(warehouseOf(dataDir), 'select * from gaps');
    expect(gaps).toEqual([]);
    const { rows: closes } = await queryWarehouse(
      warehouseOf(dataDir),
      `select close from ohlcv where symbol = 'ETHUSDT' and timestamp = '${recent[1]}'`,
    );
    expect(closes).toEqual([[Number(dailyBar('ETHUSDT', recent[1] ?? '').split(',')[4])]]);

    const certificates = await tempDir('certificates-');
    const certified = ['certify', '--target', 'mirror', '--output', certificates, '--symbols', 'BTCUSDT'];
    expectExit(await pipelineInProcess(certified, { dataDir }), 0);
    const { rest_rows, missing } = await import(join(certificates, 'futures-um/1d/BTCUSDT.json'), {
      with: { type: 'json' },
    }).then(({ default: certificate }) => certificate);
    expect({ rest_rows, missing }).toEqual({ rest_rows: 2, missing: 0 });

    const staged = await sha256Tree(join(dataDir, 'mirror/staging/rest'));
    for (const TZ of ['America/New_York', 'Asia/Tokyo']) {
      const elsewhere = await tempDir('zone-');
      expectExit(await pipeline(args, { dataDir: elsewhere, env: { ...env, TZ } }), 0);
      expect(await sha256Tree(join(elsewhere, 'mirror/staging/rest'))).toEqual(staged);
      await expectSameRows(elsewhere, await publishedRows(dataDir));
    }
  });

  test('is off by default; a second run requests nothing and rebuilds nothing', async () => {
    const dataDir = await tempDir('rest-');
    exchange.requests();
    expectExit(
      await pipelineInProcess(
        args.map((arg) => arg.replace('rest_fill=true', 'verify=etag')),
        { dataDir, env },
      ),
      0,
    );
    expect(exchange.requests()).toEqual([]);
    expectExit(await pipelineInProcess(args, { dataDir, env }), 0);
    expect(exchange.requests()).toHaveLength(symbols.length);
    const again = await pipelineInProcess(args, { dataDir, env });
    expectExit(again, 0);
    expect(exchange.requests()).toEqual([]);
    expect(again.stdout).toMatch(/REUSED=(?!0)/);
    expect(await restRows(dataDir)).toHaveLength(3);
  });

  test('makes way for the archive: once it publishes, the rows are those of a run without rest_fill', async () => {
    const dataDir = await tempDir('rest-');
    const asked = await writeArchive();
    await using late = await serveArchive(asked.directory);
    const there = { PIPELINE_ARCHIVE_URL: late.url };
    expectExit(await pipelineInProcess(args, { dataDir, env: there }), 0);
    expect(await restRows(dataDir)).toHaveLength(3);
    // One day is published with other figures than the exchange gave.
    for (const symbol of symbols) {
      for (const day of [hole, ...recent]) await asked.putDay(symbol, day, { edition: day === hole ? 3 : 0 });
    }
    await late.rescan();
    expectExit(await pipelineInProcess(args, { dataDir, env: there }), 0);
    expect(await restRows(dataDir)).toEqual([]);

    const never = await tempDir('never-');
    const plain = args.slice(0, args.indexOf('--var'));
    expectExit(await pipelineInProcess(plain, { dataDir: never, env: there }), 0);
    await expectSameRows(dataDir, await publishedRows(never));
  });

  test('ends within a second of Ctrl-C with 130, and the next run continues', async () => {
    const dataDir = await tempDir('rest-');
    let seen = () => {};
    const asked = new Promise<void>((resolve) => {
      seen = resolve;
    });
    exchange.intercept = async () => {
      seen();
      await delay(5_000);
    };
    const running = startPipeline(args, { dataDir, env });
    await asked;
    const signalled = performance.now();
    running.child.kill('SIGINT');
    expectExit(await running.result, 130);
    expect(performance.now() - signalled).toBeLessThan(1_000);
    exchange.intercept = undefined;
    expectExit(await pipelineInProcess(args, { dataDir, env }), 0);
    expect(await restRows(dataDir)).toHaveLength(3);
  });

  test('reports a ban as such, and what was built before stays', async () => {
    const dataDir = await tempDir('rest-');
    exchange.faults.push(...Array(8).fill(418));
    const ran = await pipelineInProcess(args, { dataDir, env });
    exchange.faults.length = 0;
    expectExit(ran, 1);
    expect(ran.stderr).toMatch(/ERROR extract rest \.+ \[the exchange has banned this address/);
    expect(ran.stdout).toContain('ERROR=1');
  });
});

test('never mixes a synthetic archive with what the exchange traded', async () => {
  const dataDir = await tempDir('sample-rest-');
  const ran = await pipelineInProcess(
    ['run', '--select', '+ohlcv', '--var', 'rest_fill=true', '--symbols', 'BTCUSDT'],
    {
      dataDir,
    },
  );
  expectExit(ran, 2);
  expect(ran.stderr).toMatch(
    /the target sample has synthetic data, and rest_fill would add real bars from https:\/\/api\.binance\.com/,
  );
});
