import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, test } from 'vitest';
import { resolveTarget } from '../../../engine/config/target.ts';
import { examine } from '../../../engine/target/examine.ts';
import { type Shop, shopProject } from './shop-project.ts';

const withoutArchive = { 'pipeline.yaml': (text: string) => text.replace('{ archive: till, as_of', '{ as_of') };

let shop: Shop;
beforeEach(async () => {
  shop = await shopProject(withoutArchive);
  await shop.sell({ '2025-07-01': 10, '2025-07-02': 20 });
});

test('a target without an archive is built, and reused by the next run', async () => {
  expect(await shop.run()).toMatchObject({ exitCode: 0, status: { 'model.totals': 'pass', 'export.totals': 'pass' } });
  expect(await shop.run()).toMatchObject({ exitCode: 0, status: { 'model.totals': 'reused' } });
  const record = JSON.parse(await readFile(join(shop.paths.root, 'target.json'), 'utf8'));
  expect(record).toMatchObject({ synthetic: true, first_run: '2025-07-10T10:00:00.000Z' });
  expect(record).not.toHaveProperty('archive');
});

test('doctor says that there is none', async () => {
  const { signal } = new AbortController();
  const findings = await examine({ target: shop.target, paths: shop.paths, root: shop.directory, signal });
  expect(findings.find(({ subject }) => subject === 'target')?.detail).toBe('sample: no archive (synthetic data)');
});

test('a target that has had an archive is not built without it', async () => {
  const target = resolveTarget(shop.pipeline, { env: {} });
  expect(await shop.run({ target: { ...target, archive: 'till', listing: 'till' } })).toMatchObject({ exitCode: 0 });
  await expect(shop.run()).rejects.toMatchObject({
    code: 'ARCHIVE_DIFFERS',
    message:
      'this target belongs to till, but pipeline.yaml names no archive: what is stored is from there; nothing was changed',
  });
});
