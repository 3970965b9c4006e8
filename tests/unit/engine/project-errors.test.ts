import { expect, test } from 'vitest';
import { defineErrors, formatError, PipelineError } from '../../../engine/errors.ts';

const ShopError = defineErrors({ SHOP_CLOSED: 2, ITEM_SOLD: 1 });

test('an error of a project is an engine error with its own codes', () => {
  const error = new ShopError('SHOP_CLOSED', 'closed on Sunday', { hint: 'come back on Monday' });
  expect(error).toBeInstanceOf(PipelineError);
  expect([error.name, error.code, error.exitCode]).toEqual(['PipelineError', 'SHOP_CLOSED', 2]);
  expect(formatError(error)).toBe('error [SHOP_CLOSED] closed on Sunday\n  next: come back on Monday');
});

test("its class accepts the engine's codes, with their exit codes", () => {
  expect(new ShopError('USAGE', 'no such item').exitCode).toBe(2);
  expect(new ShopError('TEST_FAILED', 'an item has no price').exitCode).toBe(1);
});

test('it shows no secrets of URLs either', () => {
  const error = new ShopError('ITEM_SOLD', 'https://ann:secret@shop.example refuses', {
    url: 'https://ann:secret@shop.example',
  });
  expect(formatError(error, { debug: true })).not.toContain('secret');
});
