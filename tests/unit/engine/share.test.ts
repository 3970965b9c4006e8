import { expect, test } from 'vitest';
import { createShare } from '../../../engine/run/context.ts';

const thing = (ended: string[], name: string) => async () => ({
  async [Symbol.asyncDispose]() {
    ended.push(name);
  },
});

test('what is shared is made once and let go in the end, last made first', async () => {
  const ended: string[] = [];
  const share = createShare();
  const first = await share.get('a', thing(ended, 'a'));
  expect(await share.get('a', thing(ended, 'another a'))).toBe(first);
  await share.get('b', thing(ended, 'b'));
  await share[Symbol.asyncDispose]();
  expect(ended).toEqual(['b', 'a']);
});

test('nothing is made that nobody would let go', async () => {
  const share = createShare();
  await share[Symbol.asyncDispose]();
  let made = false;
  const late = share.get('a', async () => {
    made = true;
    return { async [Symbol.asyncDispose]() {} };
  });
  await expect(late).rejects.toThrow('after the run had ended');
  expect(made).toBe(false);
});
