import { beforeEach, describe, expect, test } from 'vitest';
import { run } from '../../unit/cli/fixture.ts';
import { type Shop, shopProject } from './shop-project.ts';

/** A test of `totals` that reads `trends`, which is built from `totals`. */
const readsTrends = `\
export default {
  description: 'What is sold in 3 days is at least what is sold in one.',
  failures: ({ db, vars }) => db.selectFrom('totals').leftJoin('trends', 'trends.day', 'totals.day')
    .where((eb) => eb.or([eb('trends.total', 'is', null), eb('trends.total', '<', eb.ref('totals.total')), eb('totals.total', '>', vars.number('at_most'))]))
    .select(['totals.day', 'trends.total']),
};
`;

let shop: Shop;
beforeEach(async () => {
  shop = await shopProject({ 'at_most.ts': () => readsTrends });
  await shop.sell({ '2025-07-01': 10, '2025-07-02': 20 });
});

const ls = async (...args: readonly string[]) => (await run(shop.directory, ['ls', ...args])).stdout;

describe('a custom test needs every table that it reads', () => {
  test('so it runs after all of them are built, and does not block publication', async () => {
    const { exitCode, status, events } = await shop.run();
    expect(exitCode).toBe(0);
    expect(status).toMatchObject({ 'test.at_most': 'pass', 'model.trends': 'pass' });
    const ended = events.flatMap((event) => (event.type === 'node_finished' ? [event.node.id] : []));
    expect(ended.indexOf('test.at_most')).toBeGreaterThan(ended.indexOf('model.trends'));
    const wrong = await shop.run({ vars: ['at_most=15'] });
    expect(wrong.status).toMatchObject({ 'test.at_most': 'error', 'model.totals': 'reused' });
  });

  test('and it is skipped if one of them is not built', async () => {
    shop = await shopProject({
      'at_most.ts': () => readsTrends,
      'trends.ts': (text) => text.replace(`eb.fn.sum('other.total')`, `eb.fn.sum('other.nothing')`),
    });
    await shop.sell({ '2025-07-01': 10, '2025-07-02': 20 });
    expect((await shop.run()).status).toMatchObject({ 'model.trends': 'error', 'test.at_most': 'skip' });
  });

  test('selectors and the manifest know it', async () => {
    const lines = (await ls('--output', 'json')).trimEnd().split('\n');
    const nodes = lines.map((line): { id: string; needs: string[] } => JSON.parse(line));
    expect(nodes.find(({ id }) => id === 'test.at_most')?.needs).toEqual(['model.totals', 'model.trends']);
    expect((await ls('--select', '+at_most', '--output', 'name')).split('\n')).toContain('trends');
    expect((await ls('--select', 'trends+', '--output', 'name')).split('\n')).toContain('at_most');
    expect(await ls()).toContain('at_most');
  });

  test('a module that cannot be loaded is an error only if its test is selected', async () => {
    shop = await shopProject({ 'at_most.ts': () => `throw new Error('out of luck');` });
    await shop.sell({ '2025-07-01': 10, '2025-07-02': 20 });
    const select = async (...exclude: readonly string[]) =>
      (await run(shop.directory, ['run', '--dry-run', ...exclude])).stderr;
    expect(await ls('--select', '+trends', '--output', 'name')).toContain('totals');
    expect((await run(shop.directory, ['run', '--exclude', 'at_most'])).exitCode).toBe(0);
    expect((await run(shop.directory, ['run'])).stderr).toContain('out of luck');
    expect(await select('--exclude', 'at_most')).toBe('');
  });
});

describe('a condition in pipeline.yaml needs every table that it reads', () => {
  const besides = `- expression: { name: growing, expect: total <= (select max(total) from trends) }`;
  beforeEach(async () => {
    shop = await shopProject({
      'pipeline.yaml': (text) => text.replace('- unique: [day]', `${besides}\n      - unique: [day]`),
    });
    await shop.sell({ '2025-07-01': 10, '2025-07-02': 20 });
  });

  test('so its test runs after they are built, and again when one of them changes', async () => {
    const { exitCode, status, events } = await shop.run();
    expect([exitCode, status['test.growing'], status['model.trends']]).toEqual([0, 'pass', 'pass']);
    const ended = events.flatMap((event) => (event.type === 'node_finished' ? [event.node.id] : []));
    expect(ended.indexOf('test.growing')).toBeGreaterThan(ended.indexOf('model.trends'));
    expect((await shop.run()).status).toMatchObject({ 'test.growing': 'reused' });
    await shop.sell({ '2025-07-01': 10, '2025-07-02': 20, '2025-07-03': 5 });
    expect((await shop.run()).status).toMatchObject({ 'test.growing': 'pass' });
  });

  test('and selectors know of it', async () => {
    expect((await ls('--select', '+growing', '--output', 'name')).split('\n')).toContain('trends');
    expect((await ls('--select', 'trends+', '--output', 'name')).split('\n')).toContain('growing');
  });
});

test('--dry-run says what --full-refresh would rebuild, as plan does', async () => {
  expect((await run(shop.directory, ['run'])).exitCode).toBe(0);
  const dryRun = async (...args: readonly string[]) => {
    const { stdout } = await run(shop.directory, ['run', '--dry-run', ...args]);
    expect((await run(shop.directory, ['plan', ...args])).stdout).toBe(stdout);
    const rows = stdout.split('\n').map((line) => line.trimEnd().split(/ {2,}/));
    return Object.fromEntries(rows.map(([id = '', ...rest]) => [id, rest]));
  };
  expect(await dryRun()).toMatchObject({
    'model.totals': ['nothing, unless what it reads changes'],
    'export.totals': ['nothing, unless what it reads changes'],
  });
  expect(await dryRun('--full-refresh')).toMatchObject({
    'model.totals': ['rebuild 2 of 2 partitions, and what its input changes', 'forced'],
    'model.trends': ['rebuild 2 of 2 partitions, and what its input changes', 'forced'],
    'export.totals': ['write it again', 'forced'],
  });
  expect(await dryRun('--full-refresh', '--start', '2025-07-04')).toMatchObject({
    'model.totals': ['rebuild 1 of 2 partitions, and what its input changes', 'forced'], // trends looks back 2 days
    'model.trends': ['rebuild what its input changes', 'input'],
  });
});
