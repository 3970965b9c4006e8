import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parsePipeline } from '../../../engine/config/load.ts';
import type { NodeRef, RunEvent } from '../../../engine/events.ts';
import { type ConfirmOptions, createConfirm } from '../../../engine/run/confirm.ts';
import { tempDir } from '../../support/temp.ts';

const node: NodeRef = { id: 'extract.klines', kind: 'extract', name: 'klines' };
const pipeline = parsePipeline(
  `
name: demo
default_target: sample
schema: schema.ts
targets: { sample: { archive: sample } }
vars:
  regions: { type: 'string[]', default: [], flag: regions }
  days: { type: integer, default: 3 }
  figures: { type: boolean, default: true, flag: figures }
`,
  { file: 'pipeline.yaml', root: '/demo' },
);
const GB = 1e9;
const estimate = { files: 1000, bytes: 2 * GB, diskBytes: 6 * GB };

async function confirming(options: Partial<ConfirmOptions> = {}) {
  const root = await tempDir('confirm-');
  const events: RunEvent[] = [];
  const questions: string[][] = [];
  const confirm = createConfirm({
    pipeline,
    target: { archive: 'https://archive', ask_above: GB },
    paths: { root, artifacts: join(root, 'artifacts') },
    yes: false,
    ask: async (lines) => {
      questions.push([...lines]);
      return true;
    },
    reporter: { report: (event) => events.push(event), close: async () => {} },
    free: async () => 100 * GB,
    ...options,
  });
  return {
    root,
    confirm,
    questions,
    said: (level: string) => events.filter((it) => it.type === 'log' && it.level === level),
  };
}

describe('before a fetch', () => {
  test('more than the free disk space is refused on every target, even with --yes', async () => {
    const { confirm, questions } = await confirming({
      target: { archive: 'a' },
      yes: true,
      free: async () => 1.9 * GB,
    });
    await expect(confirm(node, estimate)).rejects.toMatchObject({
      code: 'DISK_FULL',
      message: 'klines would fetch 2.0 GB, but only 1.9 GB are free; nothing was fetched',
      details: {
        hint: 'free up space, choose another disk with --data-dir, or narrow it with --start, --regions or --no-figures',
      },
    });
    expect(questions).toEqual([]);
  });

  test('what may not fit once unpacked causes a warning', async () => {
    const { confirm, said } = await confirming({ target: { archive: 'a' }, free: async () => 5 * GB });
    await confirm(node, estimate);
    expect(said('warn')).toMatchObject([
      { message: expect.stringMatching(/^about 6.0 GB would be staged, but only 5.0 GB are free/) },
    ]);
  });

  test('the free disk space is that of the folder, if it exists', async () => {
    const { confirm, root } = await confirming();
    const real = createConfirm({
      ...{ pipeline, target: { archive: 'a' }, paths: { root: join(root, 'not/yet/there'), artifacts: root } },
      ...{ yes: true, ask: undefined, reporter: { report() {}, close: async () => {} } },
    });
    await confirm(node, estimate);
    await real(node, { files: 1, bytes: 1, diskBytes: 1 });
    await expect(real(node, { files: 1, bytes: 1e18, diskBytes: 1 })).rejects.toMatchObject({ code: 'DISK_FULL' });
  });

  test('exactly ask_above passes without a question, one byte more does not', async () => {
    const { confirm, questions } = await confirming();
    await confirm(node, { ...estimate, bytes: GB });
    expect(questions).toHaveLength(0);
    await confirm(node, { ...estimate, bytes: GB + 1 });
    expect(questions).toHaveLength(1);
  });

  test.each([
    [{ fetched_files: 100, fetched_bytes: GB, fetch_seconds: 20 }, 'at most 3m 20s at the rate of the last run'],
    [{ fetched_files: 10_000, fetched_bytes: GB, fetch_seconds: 20 }, 'at most 40.0s at the rate of the last run'],
    [{ fetched_files: 10_000, fetched_bytes: GB, fetch_seconds: 2 }, 'unknown, because there is no earlier run'],
    [{}, 'unknown, because there is no earlier run'],
  ])('the time is that of the last run, if it says enough: %j', async (facts, time) => {
    const { confirm, questions, root } = await confirming();
    await mkdir(join(root, 'artifacts'));
    const results = { results: [{ unique_id: 'extract.listing' }, { unique_id: node.id, ...facts }] };
    await writeFile(join(root, 'artifacts/run.json'), JSON.stringify(results));
    await confirm(node, estimate);
    expect(questions[0]?.[1]).toBe(`  time: ${time}`);
  });

  test('two extracts ask one after the other, and a no to one does not answer the other', async () => {
    const order: string[] = [];
    const { confirm } = await confirming({
      ask: async ([line = '']) => {
        order.push(`ask ${line.split(' ')[0]}`);
        await new Promise((done) => setTimeout(done, 10));
        order.push(`answer ${line.split(' ')[0]}`);
        return line.startsWith('trades');
      },
    });
    const asked = [confirm(node, estimate), confirm({ ...node, name: 'trades' }, estimate)];
    expect((await Promise.allSettled(asked)).map(({ status }) => status)).toEqual(['rejected', 'fulfilled']);
    expect(order).toEqual(['ask klines', 'answer klines', 'ask trades', 'answer trades']);
  });
});
