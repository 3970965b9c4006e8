import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Shop, shopProject } from './shop-project.ts';

const days = { '2025-07-01': 10, '2025-07-02': 20 };

/** A shop whose pipeline.yaml has these acknowledgements, one per line from line 33 on. */
const shopWith = (...entries: readonly string[]): Promise<Shop> =>
  shopProject({
    'pipeline.yaml': (text) => `${text}acknowledge:\n${entries.map((entry) => `  - { ${entry} }\n`).join('')}`,
  });

const logOf = (events: Awaited<ReturnType<Shop['run']>>['events'], wanted: 'info' | 'warn') =>
  events.flatMap((event) => (event.type === 'log' && event.level === wanted ? [event.message] : []));

const resultOf = async (shop: Shop, id: string) => {
  const { results } = JSON.parse(await readFile(join(shop.paths.artifacts, 'run.json'), 'utf8'));
  return results.find(({ unique_id }: { unique_id: string }) => unique_id === id);
};

test('an acknowledged warning is information: logged and recorded with its reason, and the run is green', async () => {
  const shop = await shopWith('warning: odd, of: drawer 7 sticks, reason: it always has');
  await shop.sell({ ...days, warns: 'drawer 7 sticks' });
  const { exitCode, status, events } = await shop.run({ warnError: true });
  expect(exitCode).toBe(0);
  expect(status['extract.till']).toBe('pass');
  expect(logOf(events, 'warn')).toEqual([]);
  expect(logOf(events, 'info')).toEqual(['drawer 7 sticks (acknowledged: it always has)']);
  expect(await resultOf(shop, 'extract.till')).toMatchObject({
    status: 'pass',
    warnings: [{ kind: 'odd', subject: 'drawer 7 sticks', acknowledged: 'it always has' }],
  });
});

test('if only some subjects are acknowledged, the others still warn', async () => {
  const shop = await shopWith('warning: odd, of: drawer 7 sticks, reason: it always has');
  await shop.sell({ ...days, warns: 'drawer 7 sticks; drawer 8 sticks' });
  const { exitCode, status, events } = await shop.run({ warnError: true });
  expect(exitCode).toBe(1);
  expect(status['extract.till']).toBe('warn');
  expect(logOf(events, 'warn')).toEqual(['drawer 8 sticks']);
});

test('a pattern acknowledges every subject that it matches', async () => {
  const shop = await shopWith('warning: odd, of: drawer * sticks, reason: they all do');
  await shop.sell({ ...days, warns: 'drawer 7 sticks; drawer 8 sticks' });
  expect(await shop.run({ warnError: true })).toMatchObject({ exitCode: 0, status: { 'extract.till': 'pass' } });
});

test('an entry for another target acknowledges nothing, and is not reported', async () => {
  const shop = await shopProject({
    'pipeline.yaml': (text) =>
      `${text.replace('targets:\n', 'targets:\n  live: { archive: till }\n')}acknowledge:\n` +
      '  - { warning: odd, of: "*", targets: [live], reason: it always has }\n',
  });
  await shop.sell({ ...days, warns: 'drawer 7 sticks' });
  expect(await shop.run()).toMatchObject({ status: { 'extract.till': 'warn' } });
  await shop.sell(days);
  expect(await shop.run({ warnError: true })).toMatchObject({ exitCode: 0 });
});

test('an unknown kind of warning is refused before anything runs, with its position and a suggestion', async () => {
  const shop = await shopWith('warning: od, of: drawer 7 sticks, reason: it always has');
  await expect(shop.run()).rejects.toMatchObject({
    code: 'CONFIG_REFERENCE',
    message: 'there is no warning `od`',
    details: { line: 33, column: 16, hint: 'did you mean odd?' },
  });
});

test('an entry that matches nothing is reported by each full run, and is an error with --warn-error', async () => {
  const shop = await shopWith('warning: odd, of: drawer 7 sticks, reason: it always has');
  await shop.sell(days);
  const advice =
    'pipeline.yaml:33:5: odd of drawer 7 sticks is acknowledged, but there is no such warning: remove the entry';
  const first = await shop.run();
  expect(first.exitCode).toBe(0);
  expect(logOf(first.events, 'warn')).toEqual([advice]);
  const second = await shop.run({ warnError: true });
  expect(second.exitCode).toBe(1);
  expect(logOf(second.events, 'warn')).toEqual([advice]);
});

test.each([
  ['a range', { start: '2025-07-01', end: '2025-07-02' }],
  ['a var', { vars: ['at_least=2'] }],
  ['a selection without the extract', { select: 'totals' }],
  ['a selection without another node that may warn about it', { select: 'till' }],
  ['an earlier clock', { asOf: new Date('2025-07-09T09:00:00Z') }],
])('a run with %s does not report entries that matched nothing', async (_, restriction) => {
  const shop = await shopWith('warning: odd, of: drawer 7 sticks, reason: it always has');
  await shop.sell({ ...days, warns: 'drawer 7 sticks' });
  await shop.run();
  await shop.sell(days);
  expect(logOf((await shop.run(restriction)).events, 'warn')).toEqual([]);
  expect(logOf((await shop.run()).events, 'warn')).toHaveLength(1);
});

test('an extract that failed, checked only partly or warned before does not report them either', async () => {
  const shop = await shopProject({
    'pipeline.yaml': (text) =>
      `${text}acknowledge:\n  - { warning: odd, of: drawer 7 sticks, reason: it always has }\n`,
    'till.ts': (text) =>
      text
        .replace("status: 'success',", "status: 'success', ...(sales.partly && { partlyChecked: ['odd'] }),")
        .replace(
          '  async run(',
          "  standing: () => ({ odd: process.env.STANDS ? ['drawer 7 sticks'] : [] }),\n  async run(",
        ),
  });
  const warnings = async () => logOf((await shop.run()).events, 'warn');
  await shop.sell({ ...days, fails: 'no light' });
  expect(await warnings()).toEqual([]);
  await shop.sell({ ...days, partly: 'yes' });
  expect(await warnings()).toEqual([]);
  await shop.sell(days);
  expect(await warnings()).toHaveLength(1);
  process.env.STANDS = 'yes';
  try {
    expect(await warnings()).toEqual([]);
  } finally {
    delete process.env.STANDS;
  }
});

test('an acknowledged test passes within its bound, and warns again when it gets worse', async () => {
  const shop = await shopProject({
    'pipeline.yaml': (text) =>
      `${text.replace('row_count: { min: 2,', 'row_count: { min: 4,')}acknowledge:\n` +
      '  - { test: several, min: 2, reason: the shop is new }\n',
  });
  await shop.sell(days);
  const good = await shop.run({ warnError: true });
  expect(good).toMatchObject({ exitCode: 0, status: { 'test.several': 'pass' } });
  expect(good.message['test.several']).toMatch(
    /^acknowledged: the shop is new; .*pipeline\.yaml:\d+:\d+: 2 measured, 4 wanted; /,
  );
  expect(await resultOf(shop, 'test.several')).toMatchObject({ status: 'pass', acknowledged: 'the shop is new' });
  expect(await shop.rows("SELECT status, value FROM test_results WHERE test = 'several'")).toEqual([['warn', '2.0']]);

  await shop.sell({ '2025-07-01': 10 });
  const bad = await shop.run({ warnError: true });
  expect(bad).toMatchObject({ exitCode: 1, status: { 'test.several': 'warn' } });
  expect(bad.message['test.several']).toMatch(
    /^worse than pipeline\.yaml:33:5 acknowledges; .*pipeline\.yaml:20:9: 1 measured, 4 wanted/,
  );
  expect(logOf(bad.events, 'warn')).toEqual([]);

  await shop.sell({ ...days, '2025-07-03': 5, '2025-07-04': 6 });
  const mended = await shop.run();
  expect(mended.status['test.several']).toBe('pass');
  expect(logOf(mended.events, 'warn').join()).toContain(
    'the test several is acknowledged, but it passes: remove the entry',
  );
});

test('max_rows limits the failing rows', async () => {
  const shop = await shopProject({
    'pipeline.yaml': (text) =>
      `${text.replace('name: small }', 'name: small, severity: warn }')}acknowledge:\n` +
      '  - { test: small, max_rows: 1, reason: the fair }\n',
  });
  await shop.sell({ ...days, '2025-07-03': 5_000 });
  expect(await shop.run()).toMatchObject({ status: { 'test.small': 'pass' } });
  await shop.sell({ ...days, '2025-07-03': 5_000, '2025-07-04': 6_000 });
  expect(await shop.run()).toMatchObject({ status: { 'test.small': 'warn' } });
});
