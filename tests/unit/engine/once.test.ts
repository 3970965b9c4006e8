import { expect, test } from 'vitest';
import { once } from '../../../engine/once.ts';

test('a value that is requested several times is made once, on the first request', () => {
  const made: number[] = [];
  const get = once(() => made.push(1) && undefined);
  expect(made).toEqual([]);
  expect([get(), get()]).toEqual([undefined, undefined]);
  expect(made).toEqual([1]);
});
