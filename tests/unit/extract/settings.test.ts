import { availableParallelism } from 'node:os';
import { describe, expect, test } from 'vitest';
import { createVars } from '../../../engine/config/vars.ts';
import { clientOptions, parseKlinesOptions, parseListingOptions, workersFor } from '../../../extract/options.ts';

const vars = createVars({});
const parse = (options: Readonly<Record<string, unknown>>) => parseKlinesOptions({ options, vars });

test('settings have defaults', () => {
  expect(parse({})).toMatchObject({
    ...{
      connections: 512,
      attempts: 8,
      patience: 30_000,
      connect_timeout: 10_000,
      headers_timeout: 30_000,
      body_timeout: 30_000,
    },
    ...{ workers: Math.min(availableParallelism(), 4), largest_zip_in_memory: 2 ** 20, bytes_in_flight: 2 ** 26 },
  });
});

test('settings under `with:` reach the client', () => {
  const options = {
    connections: 3,
    attempts: 2,
    patience: '5 seconds',
    connect_timeout: '1 second',
    headers_timeout: '2 seconds',
  };
  expect(clientOptions(parseListingOptions({ options: { ...options, body_timeout: '1 minute' }, vars }))).toEqual({
    ...{ connections: 3, retry: { attempts: 2, patience: 5_000 } },
    ...{ connectTimeout: 1_000, headersTimeout: 2_000, bodyTimeout: 60_000 },
  });
});

test.each([
  { connections: 0 },
  { attempts: 0 },
  { workers: -1 },
  { body_timeout: '0 seconds' },
  { patience: 0 },
  { body_timeout: '30' },
  { body_timeout: 30 },
  { bytes_in_flight: '64' },
  { bytes_in_flight: '0 MB' },
  { largest_zip_in_memory: 1024 },
])('%j is refused', (options) => {
  expect(() => parse(options)).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
});

test('patience can be zero', () => expect(parse({ patience: '0 seconds' }).patience).toBe(0));

test('sizes are parsed', () => {
  const sizes = parse({ bytes_in_flight: '1 GB', largest_zip_in_memory: '512 KiB' });
  expect(sizes).toMatchObject({ bytes_in_flight: 1e9, largest_zip_in_memory: 2 ** 19 });
});

describe('threads', () => {
  test.each([
    ['nothing', { files: 0, bytes: 0 }, 0],
    ['a few days of many symbols', { files: 1_500, bytes: 5e5 }, 0],
    ['many small archives', { files: 3_000, bytes: 1e6 }, 2],
    ['a few large archives', { files: 10, bytes: 3e7 }, 2],
  ])('for %s', (_what, plan, workers) => expect(workersFor(plan, 2)).toBe(workers));
});
