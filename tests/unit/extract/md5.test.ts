import { hash, randomBytes } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createMd5 } from '../../../extract/kernel/kernel.ts';

test.each([
  ['one alone', [70_000]],
  ['several in one turn', [70_000, 0, 64, 90_000, 1]],
  ['more than fit together', Array.from({ length: 50 }, (_, i) => 1000 * i)],
  ['large ones among small ones', [100, 300_000, 200, 2_000_000, 300, 400]],
])('every digest belongs to its bytes: %s', async (_what, sizes) => {
  const md5 = createMd5();
  const all = sizes.map((size) => randomBytes(size));
  expect(await Promise.all(all.map(md5))).toEqual(all.map((bytes) => hash('md5', bytes)));
});

test('nothing is computed before the turn is over', async () => {
  const order: string[] = [];
  const asked = createMd5()(Buffer.from('kline')).then(() => order.push('answered'));
  await nextTurn();
  await asked;
  setImmediate(() => order.push('next turn'));
  const again = createMd5()(Buffer.from('kline')).then(() => order.push('answered again'));
  order.push('asked again');
  await again;
  expect(order).toEqual(['answered', 'asked again', 'next turn', 'answered again']);
});
