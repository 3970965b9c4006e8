import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { pipelineInProcess, root } from '../support/pipeline.ts';
import { expectExit } from '../support/published.ts';
import { queryWarehouse } from '../support/rows.ts';
import { tempDir } from '../support/temp.ts';

const page = await readFile(join(root, 'README.md'), 'utf8');
const codeOf = (language: string) =>
  [...page.matchAll(new RegExp(`^\`\`\`${language}\n([\\s\\S]*?)^\`\`\``, 'gm'))].map(([, code]) => code as string);

/** `pnpm pipeline …` of the page, without the comment behind it. */
const commands = codeOf('sh')
  .flatMap((code) => code.split('\n'))
  .flatMap((line) => /^pnpm pipeline (.+?)\s*(?:#.*)?$/.exec(line)?.[1] ?? []);

describe('README.md', () => {
  let dataDir: string;
  beforeAll(async () => {
    dataDir = await tempDir('readme-');
    expectExit(await pipelineInProcess(['run'], { dataDir }), 0);
  });

  test.each(commands)('pnpm pipeline %s', async (command) => {
    // What asks the real hosts asks the sample instead: the same code, without the network.
    const env = command.includes('--target live') ? { PIPELINE_ARCHIVE_URL: 'sample' } : {};
    expectExit(await pipelineInProcess(command.split(' '), { dataDir, env }), 0);
  });

  test('its SQL answers ten symbols, the largest first', async () => {
    const [sql = ''] = codeOf('sql');
    const { rows } = await queryWarehouse(':memory:', sql.replaceAll("'data/", `'${dataDir}/`));
    expect(rows).toHaveLength(10);
    expect(rows[0]?.slice(0, 2)).toEqual([1, 'BTCUSDT']);
  });

  test('shows commands enough to be worth the test', () => {
    expect(commands.length).toBeGreaterThan(8);
  });
});
