import { expect, test } from 'vitest';
import { createRandom, exp } from '../../../extract/sample/numbers.ts';

const draw = (count: number, next: () => number): readonly number[] => Array.from({ length: count }, next);
const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;

test('the same labels give the same stream, and other labels another one', () => {
  const first = draw(5, createRandom('seed', 'BTCUSDT', 1).uniform);
  expect(draw(5, createRandom('seed', 'BTCUSDT', 1).uniform)).toEqual(first);
  expect(draw(5, createRandom('seed', 'BTCUSDT', 2).uniform)).not.toEqual(first);
  expect(draw(5, createRandom('seed', 'BTCUSDT1', '').uniform)).not.toEqual(first);
});

test('numbers are uniform on [0, 1), or have mean 0 and deviation 1', () => {
  const even = draw(20_000, createRandom('even').uniform);
  expect(Math.min(...even)).toBeGreaterThanOrEqual(0);
  expect(Math.max(...even)).toBeLessThan(1);
  expect(mean(even)).toBeCloseTo(0.5, 2);
  const normal = draw(20_000, createRandom('normal').normal);
  expect(Math.abs(mean(normal))).toBeLessThan(0.03);
  expect(mean(normal.map((value) => value ** 2))).toBeCloseTo(1, 1);
});

test('our e^x agrees with the built-in one to nine digits', () => {
  for (let x = -20; x <= 20; x += 0.37) expect(exp(x) / Math.exp(x)).toBeCloseTo(1, 9);
});
