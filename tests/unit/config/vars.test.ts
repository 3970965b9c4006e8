import { expect, test } from 'vitest';
import { createVars } from '../../../engine/config/vars.ts';

const vars = createVars({ collect: true, days: 30, verify: 'etag', quotes: ['USDT'], relist_after: 86_400_000 });

test('a var is read with its type', () => {
  expect(vars.boolean('collect')).toBe(true);
  expect(vars.number('days')).toBe(30);
  expect(vars.string('verify')).toBe('etag');
  expect(vars.strings('quotes')).toEqual(['USDT']);
  expect(vars.duration('relist_after')).toBe(86_400_000);
});

test.each([
  [() => vars.boolean('days'), 'the var days is not a boolean'],
  [() => vars.number('verify'), 'the var verify is not a number'],
  [() => vars.string('quotes'), 'the var quotes is not a string'],
  [() => vars.strings('verify'), 'the var verify is not a list of strings'],
  [() => vars.duration('collect'), 'the var collect is not a duration'],
  [() => vars.number('toString'), 'the var toString is not declared in pipeline.yaml'],
])('%s', (read, message) => {
  expect(read).toThrow(expect.objectContaining({ code: 'VAR_INVALID', message }));
});

test('a similar declared name is suggested', () => {
  expect(() => vars.number('dayz')).toThrow(
    expect.objectContaining({ details: expect.objectContaining({ hint: 'did you mean days?' }) }),
  );
});
