import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { codeBlocks } from '../checks/markdown.ts';
import { builtSample, pipelineInProcess, root } from '../support/pipeline.ts';
import { expectExit } from '../support/published.ts';
import { queryWarehouse } from '../support/rows.ts';

const page = await readFile(join(root, 'README.md'), 'utf8');

/** The `pnpm pipeline …` commands of the page, without their comments. */
const commands = codeBlocks(page, 'sh')
  .flatMap((code) => code.split('\n'))
  .flatMap((line) => /^pnpm pipeline (.+?)\s*(?:#.*)?$/.exec(line)?.[1] ?? []);

describe('README.md', () => {
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await builtSample();
  });

  test.each(commands)('pnpm pipeline %s', async (command) => {
    // Commands for the real hosts use the sample instead: the same code, without the network. By today's clock, it would
    // have more days every day.
    const isLive = command.includes('--target live');
    const asOf = isLive && command.startsWith('run ') ? ['--as-of', '2025-07-10T09:00:00Z'] : [];
    const env = isLive ? { PIPELINE_ARCHIVE_URL: 'sample' } : {};
    expectExit(await pipelineInProcess([...command.split(' '), ...asOf], { dataDir, env }), 0);
  });

  test('its SQL returns ten symbols, the largest first', async () => {
    const [sql = ''] = codeBlocks(page, 'sql');
    const { rows } = await queryWarehouse(':memory:', sql.replaceAll("'data/", `'${dataDir}/`));
    expect(rows).toHaveLength(10);
    expect(rows[0]?.slice(0, 2)).toEqual([1, 'BTCUSDT']);
  });

  test('shows enough commands to be worth testing', () => {
    expect(commands.length).toBeGreaterThan(8);
  });
});
