import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parsePipeline } from '../../../engine/config/load.ts';
import { resolveVars } from '../../../engine/config/resolve-vars.ts';
import { PipelineError } from '../../../engine/errors.ts';

const pipeline = parsePipeline(
  `name: demo
default_target: sample
schema: models/schema.ts
targets: { sample: { archive: sample, vars: { days: 3, quotes: [USDC] } }, other: { archive: sample } }
vars:
  collect: { type: boolean, default: true }
  days: { type: integer, default: 30, min: 0, max: 365 }
  ratio: { type: number, default: 0.9, min: 0, max: 1 }
  verify: { type: string, default: etag, values: [etag, checksum] }
  quotes: { type: 'string[]', default: [USDT], values: [USDT, USDC, BUSD] }
  timeframe: { type: string, default: 1m, values: [1m, 4h, 1mo] }
  relist_after: { type: duration, default: 7 days, min: 1 hour }
  since: { type: date, default: 2020-01-01, min: 2019-12-31 }
seeds: { rates: seeds/rates.csv }
`,
  { file: 'pipeline.yaml', root: '/project' },
);

function errorOf(options: Parameters<typeof resolveVars>[1]): PipelineError {
  try {
    resolveVars(pipeline, options);
  } catch (error) {
    if (error instanceof PipelineError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

test.each<[string, Parameters<typeof resolveVars>[1]]>([
  ['--vars', { json: '{"rates": ["EUR=1"]}' }],
  ['--var', { pairs: ['rates=EUR=1'] }],
])('a seed that %s sets is an error that names its file', (_, options) => {
  expect(errorOf(options)).toMatchObject({
    code: 'VAR_INVALID',
    message: 'the var rates is not declared in pipeline.yaml',
    details: { hint: 'rates is a seed, and not a var: change its rows in seeds/rates.csv' },
  });
});

describe('values', () => {
  test('are the defaults of pipeline.yaml, durations in ms', () => {
    expect(resolveVars(pipeline).values).toEqual({
      collect: true,
      days: 30,
      ratio: 0.9,
      verify: 'etag',
      quotes: ['USDT'],
      timeframe: '1m',
      relist_after: 7 * 86_400_000,
      since: '2020-01-01',
    });
  });

  test('are those of the target if it has any, and --vars and --var still apply', () => {
    const { days, ...defaults } = resolveVars(pipeline).values;
    expect(resolveVars(pipeline, { target: 'other' }).values).toEqual({ days, ...defaults });
    expect(resolveVars(pipeline, { target: 'sample' }).values).toEqual({ ...defaults, days: 3, quotes: ['USDC'] });
    expect(resolveVars(pipeline, { target: 'sample', json: '{"days": 4}', pairs: ['quotes=BUSD'] }).values).toEqual({
      ...defaults,
      days: 4,
      quotes: ['BUSD'],
    });
  });

  test('of --vars and of --var mean the same, read by their declared type', () => {
    const json = JSON.stringify({
      collect: false,
      days: 10,
      ratio: 0.5,
      verify: 'checksum',
      quotes: ['USDT', 'USDC'],
      timeframe: '1mo',
      relist_after: '12 hours',
      since: '2024-02-29',
    });
    const pairs = [
      'collect=false',
      'days=10',
      'ratio=.5',
      'verify=checksum',
      'quotes=USDT, USDC',
      'timeframe=1mo',
      'relist_after=12 hours',
      'since=2024-02-29',
    ];
    expect(resolveVars(pipeline, { pairs }).values).toEqual(resolveVars(pipeline, { json }).values);
    expect(resolveVars(pipeline, { pairs }).duration('relist_after')).toBe(43_200_000);
  });

  test('of --var take precedence over those of --vars', () => {
    expect(resolveVars(pipeline, { json: '{"days": 1}', pairs: ['days=2', 'days=3'] }).number('days')).toBe(3);
  });

  test('of a list can be empty', () => {
    expect(resolveVars(pipeline, { pairs: ['quotes='] }).strings('quotes')).toEqual([]);
  });

  test('of an integer var are accepted within its bounds and refused otherwise', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1000, max: 1000 }), (days) => {
        const isWithin = days >= 0 && days <= 365;
        if (isWithin) expect(resolveVars(pipeline, { pairs: [`days=${days}`] }).number('days')).toBe(days);
        else expect(errorOf({ pairs: [`days=${days}`] }).code).toBe('VAR_INVALID');
      }),
    );
  });
});

describe('an invalid value is VAR_INVALID and says what is valid', () => {
  test.each<[string, Parameters<typeof resolveVars>[1], string, string | undefined]>([
    ['bad JSON', { json: '{days: 1}' }, '--vars is not valid JSON: ', `--vars takes a JSON map: --vars '{"NAME": 10}'`],
    [
      'JSON that is not a map',
      { json: '[1]' },
      '--vars is not a map of names and values',
      `--vars takes a JSON map: --vars '{"NAME": 10}'`,
    ],
    [
      'JSON null',
      { json: 'null' },
      '--vars is not a map of names and values',
      `--vars takes a JSON map: --vars '{"NAME": 10}'`,
    ],
    [
      'a name similar to another',
      { json: '{"dayz": 1}' },
      'the var dayz is not declared in pipeline.yaml',
      'did you mean days?',
    ],
    [
      'a property name that every object has',
      { json: '{"constructor": 1}' },
      'the var constructor is not declared in pipeline.yaml',
      'declared vars: collect, days, ratio, verify, quotes, timeframe, relist_after, since',
    ],
    [
      'an undeclared pair',
      { pairs: ['rtio=1'] },
      'the var rtio is not declared in pipeline.yaml',
      'did you mean ratio?',
    ],
    [
      'a pair without =',
      { pairs: ['days'] },
      '--var must be name=value, not `days`',
      `write it as --var NAME=10, or several as --vars '{"NAME": 10}'`,
    ],
    [
      'a text for a boolean',
      { json: '{"collect": "false"}' },
      'the var collect must be true or false, not `false`',
      undefined,
    ],
    ['yes for a boolean', { pairs: ['collect=yes'] }, 'the var collect must be true or false, not `yes`', undefined],
    ['half an integer', { pairs: ['days=1.5'] }, 'the var days must be a whole number, not `1.5`', undefined],
    ['an empty integer', { pairs: ['days='] }, 'the var days must be a whole number, not ``', undefined],
    ['hexadecimal', { pairs: ['days=0x10'] }, 'the var days must be a whole number, not `0x10`', undefined],
    ['null', { json: '{"days": null}' }, 'the var days must be a whole number, not `null`', undefined],
    ['a number below its bound', { pairs: ['ratio=-0.1'] }, 'the var ratio must be at least 0, not `-0.1`', undefined],
    ['a number above its bound', { json: '{"ratio": 2}' }, 'the var ratio must be at most 1, not `2`', undefined],
    ['Infinity', { pairs: ['ratio=Infinity'] }, 'the var ratio must be a number, not `Infinity`', undefined],
    [
      'a value that is not in the list',
      { pairs: ['verify=chekcsum'] },
      'the var verify must be one of etag, checksum, not `chekcsum`',
      'did you mean checksum?',
    ],
    [
      'an item that is not in the list',
      { pairs: ['quotes=USDT,USDD'] },
      'the var quotes must be one of USDT, USDC, BUSD, not `USDD`',
      'did you mean USDT?',
    ],
    [
      'a text for a list',
      { json: '{"quotes": "USDT"}' },
      'the var quotes must be a list of strings, not `USDT`',
      undefined,
    ],
    [
      'a list of numbers',
      { json: '{"quotes": [1]}' },
      'the var quotes must be a list of strings, not `[1]`',
      undefined,
    ],
    [
      'a timeframe in the notation of REST',
      { pairs: ['timeframe=1M'] },
      'the var timeframe must be one of 1m, 4h, 1mo, not `1M`',
      'did you mean 1m?',
    ],
    [
      'a duration without a unit',
      { pairs: ['relist_after=7'] },
      'the var relist_after must be a duration such as `30 days` or `12 hours`, not `7`',
      undefined,
    ],
    [
      'a duration below its bound',
      { pairs: ['relist_after=59 minutes'] },
      'the var relist_after must be at least 1 hour, not `59 minutes`',
      undefined,
    ],
    [
      'an impossible day',
      { pairs: ['since=2025-02-30'] },
      'the var since must be a date such as 2025-06-17, not `2025-02-30`',
      undefined,
    ],
    [
      'a day below its bound',
      { pairs: ['since=2019-12-30'] },
      'the var since must be at least 2019-12-31, not `2019-12-30`',
      undefined,
    ],
  ])('%s', (_, options, message, hint) => {
    const error = errorOf(options);
    expect(error.code).toBe('VAR_INVALID');
    expect(error.message.startsWith(message)).toBe(true);
    expect(error.details.hint).toBe(hint);
  });

  test('names the var and its value for programs', () => {
    expect(errorOf({ json: '{"quotes": ["EUR"]}' }).details).toMatchObject({ key: 'quotes', value: '["EUR"]' });
  });
});
