import { expect, test } from 'vitest';
import { createShare } from '../../../engine/run/context.ts';

const thing = (ended: string[], name: string) => async () => ({
  async [Symbol.asyncDispose]() {
    ended.push(name);
  },
});

test('shared values are made once and released at the end, in reverse order', async () => {
  const ended: string[] = [];
  const share = createShare();
  const first = await share.get('a', thing(ended, 'a'));
  expect(await share.get('a', thing(ended, 'another a'))).toBe(first);
  await share.get('b', thing(ended, 'b'));
  await share[Symbol.asyncDispose]();
  expect(ended).toEqual(['b', 'a']);
});

test('nothing is made that nobody would release', async () => {
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
