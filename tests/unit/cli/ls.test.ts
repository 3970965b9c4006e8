import { beforeAll, expect, test } from 'vitest';
import { tempDir } from '../../support/temp.ts';
import { run, writeProject } from './fixture.ts';

let project: string;
beforeAll(async () => {
  project = await tempDir('cli-');
  await writeProject(project);
});

const ls = async (...args: string[]) => (await run(project, ['ls', ...args])).stdout;

test('text has aligned columns, without the empty ones', async () => {
  expect(await ls()).toBe(`\
KIND     NAME                GROUP     TAGS     NEEDS
extract  listing
model    bars                market    nightly  listing
test     unique_bars_symbol  market             bars
model    ranks               rankings           bars
export   ranks               rankings           ranks
`);
  expect(await ls('--select', 'kind:extract')).toBe('KIND     NAME\nextract  listing\n');
});

test('json prints one object per line', async () => {
  const nodes = (await ls('--output', 'json'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  expect(nodes).toHaveLength(5);
  expect(nodes[1]).toEqual({
    id: 'model.bars',
    kind: 'model',
    name: 'bars',
    group: 'market',
    tags: ['nightly'],
    path: 'models/market/bars.ts',
    needs: ['extract.listing'],
  });
});

test('name and path print plain lines for other programs', async () => {
  expect(await ls('--select', 'rankings', '--output', 'name')).toBe('ranks\nranks\n');
  expect(await ls('--select', '+ranks', '--output', 'path', '--exclude', 'kind:test')).toBe(
    'extract/listing.ts\nmodels/market/bars.ts\nmodels/rankings/ranks.ts\npipeline.yaml\n',
  );
});

test('selectors of several words, texts and repeated options are joined', async () => {
  const expected = await ls('--select', 'listing', 'ranks');
  expect(expected).toContain('listing');
  expect(await ls('--select', 'listing ranks')).toBe(expected);
  expect(await ls('-s', 'listing', '-s', 'ranks')).toBe(expected);
});

test('a selector that matches nothing ends with 2', async () => {
  const { exitCode, stderr } = await run(project, ['ls', '--select', 'rnaks']);
  expect(exitCode).toBe(2);
  expect(stderr).toContain('did you mean ranks?');
});
