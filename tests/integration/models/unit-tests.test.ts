import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadPipeline } from '../../../engine/config/load.ts';
import { loadUnitTests, runUnitTest } from '../../../engine/run/unit-tests.ts';
import { root } from '../../support/pipeline.ts';

const pipeline = await loadPipeline(join(root, 'pipeline.yaml'));
const tests = await loadUnitTests(pipeline);

test.each(tests.map((one) => [one.test.model, one.name, one] as const))('%s: %s', async (_, __, one) => {
  const { signal } = new AbortController();
  expect((await runUnitTest(one, { pipeline, signal })).join('\n')).toBe('');
});

test('every model has unit tests', () => {
  const tested = new Set(tests.map(({ test }) => test.model as string));
  expect(Object.keys(pipeline.spec.models).filter((name) => !tested.has(name))).toEqual([]);
});
