import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { smallArchive, writeSmallArchive } from '../support/archive.ts';
import { sha256Tree } from '../support/digest.ts';
import { pipeline, pipelineInProcess, startPipeline } from '../support/pipeline.ts';
import { expectExit, expectSameRows, publishedRows, warehouseOf } from '../support/published.ts';
import { queryWarehouse, type Rows } from '../support/rows.ts';
import { type ServedArchive, serveArchive } from '../support/serve.ts';
import { tempDir } from '../support/temp.ts';

const args = ['run', '--target', 'mirror', '--vars', '{"availability_timeframe":"1d"}', '--as-of', smallArchive.asOf];
const stages = ['extract.listing', 'extract.klines', 'model.ohlcv', 'model.volume_rankings', 'export.volume_rankings'];
/** Shares of a stage; every second one is for every second stage. */
const instants = [0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95];
const kills = stages.flatMap((stage, at) =>
  instants.filter((_, i) => i % 2 === at % 2).map((instant) => ({ stage, instant })),
);

interface NodeEvent {
  readonly type: string;
  readonly node?: { readonly id: string };
  readonly seconds?: number;
}

/** The events of a run with `--log-format json`; the last line may be torn. */
const eventsOf = (stderr: string): readonly NodeEvent[] =>
  stderr
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => JSON.parse(line));

/** The status of every archive, whenever it was decided. */
const ledgerOf = async (dataDir: string) =>
  (await queryWarehouse(warehouseOf(dataDir), 'select * exclude staged_at from staged_archives order by key')).rows;

/** Every staged file, including the listing's. The journal's lines are sorted, since they are in order of arrival. */
async function stagedOf(dataDir: string): Promise<Readonly<Record<string, string>>> {
  const { 'journal.jsonl': _, ...files } = await sha256Tree(join(dataDir, 'mirror/staging'));
  return files;
}

describe('SIGKILL (B15)', () => {
  let server: ServedArchive;
  let undisturbed: ReadonlyMap<string, Rows>;
  let ledger: Rows['rows'];
  let staged: Readonly<Record<string, string>>;
  let exported: Readonly<Record<string, string>>;
  /** The time that each node took in an undisturbed run. */
  const seconds = new Map<string, number>();

  afterAll(() => server[Symbol.asyncDispose]());

  beforeAll(async () => {
    const { directory } = await writeSmallArchive(await tempDir('small-'), {
      symbols: smallArchive.symbols.slice(0, 5),
      days: smallArchive.days.slice(-24),
    });
    server = await serveArchive(directory, { latencyMs: 15 });
    const dataDir = await tempDir('undisturbed-');
    const env = { PIPELINE_ARCHIVE_URL: server.url };
    const result = await pipeline([...args, '--log-format', 'json'], { dataDir, env });
    expectExit(result, 0);
    for (const { type, node, seconds: took } of eventsOf(result.stderr))
      if (type === 'node_finished' && node !== undefined) seconds.set(node.id, took ?? 0);
    expect([...seconds.keys()]).toEqual(expect.arrayContaining(stages));
    undisturbed = await publishedRows(dataDir);
    ledger = await ledgerOf(dataDir);
    staged = await stagedOf(dataDir);
    exported = await sha256Tree(join(dataDir, 'mirror/exports'));
  });

  /**
   * Kills a run from nothing after this share of a stage. If the stage is over by then, tries again with an earlier
   * kill.
   */
  async function killedIn(stage: string, instant: number): Promise<string> {
    for (;;) {
      const dataDir = await tempDir('killed-');
      const running = startPipeline([...args, '--log-format', 'json'], {
        dataDir,
        env: { PIPELINE_ARCHIVE_URL: server.url },
      });
      await running.line((line) => line.includes('"node_started"') && line.includes(`"${stage}"`));
      await delay(1_000 * instant * (seconds.get(stage) ?? 0));
      running.child.kill('SIGKILL');
      const { stderr } = await running.result;
      if (!eventsOf(stderr).some(({ type, node }) => type === 'node_finished' && node?.id === stage)) return dataDir;
      seconds.set(stage, 0.7 * (seconds.get(stage) ?? 0));
    }
  }

  test.each(kills)('after $instant of $stage loses no row and leaves no wrong one', async ({ stage, instant }) => {
    const dataDir = await killedIn(stage, instant);
    expectExit(await pipelineInProcess(args, { dataDir, env: { PIPELINE_ARCHIVE_URL: server.url } }), 0);
    await expectSameRows(dataDir, undisturbed);
    expect(await ledgerOf(dataDir)).toEqual(ledger);
    expect(await stagedOf(dataDir)).toEqual(staged);
    expect(await sha256Tree(join(dataDir, 'mirror/exports'))).toEqual(exported);
  });
});
