import { describe, expect, test } from 'vitest';
import { parsePipeline } from '../../../engine/config/load.ts';
import { resolveAsOf, resolveTarget } from '../../../engine/config/target.ts';

const pipeline = parsePipeline(
  `name: demo
default_target: sample
schema: models/schema.ts
targets:
  sample: { archive: sample, as_of: 2025-07-10T09:00:00Z, synthetic: true }
  live: { archive: 'https://data.example', listing: 'https://list.example', ask_above: 1.5 GB }
  mirror: { archive: 'http://127.0.0.1:8080' }
  local: {}
`,
  { file: 'pipeline.yaml', root: '/project' },
);

describe('the target', () => {
  test.each([
    ['--target', 'live', { PIPELINE_TARGET: 'mirror' }, 'live'],
    ['PIPELINE_TARGET', undefined, { PIPELINE_TARGET: 'mirror' }, 'mirror'],
    ['default_target', undefined, {}, 'sample'],
    ['default_target, if PIPELINE_TARGET is empty', undefined, { PIPELINE_TARGET: '' }, 'sample'],
  ])('is taken from %s', (_, name, env, expected) => {
    expect(resolveTarget(pipeline, { ...(name && { name }), env }).name).toBe(expected);
  });

  test('has its clock and says whether it is synthetic', () => {
    expect(resolveTarget(pipeline, { env: {} })).toEqual({
      name: 'sample',
      archive: 'sample',
      listing: 'sample',
      synthetic: true,
      as_of: new Date('2025-07-10T09:00:00Z'),
    });
    expect(resolveTarget(pipeline, { name: 'live', env: {} })).not.toHaveProperty('as_of');
  });

  test('asks above a size, in decimal units, and never asks by default', () => {
    expect(resolveTarget(pipeline, { name: 'live', env: {} })).toHaveProperty('ask_above', 1_500_000_000);
    expect(resolveTarget(pipeline, { name: 'mirror', env: {} })).not.toHaveProperty('ask_above');
  });

  test.each([
    ['live', {}, 'https://data.example', 'https://list.example'],
    ['mirror', {}, 'http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
    ['live', { PIPELINE_ARCHIVE_URL: 'http://a' }, 'http://a', 'http://a'],
    ['live', { PIPELINE_LISTING_URL: 'http://l' }, 'https://data.example', 'http://l'],
    ['live', { PIPELINE_ARCHIVE_URL: 'http://a', PIPELINE_LISTING_URL: 'http://l' }, 'http://a', 'http://l'],
    ['live', { PIPELINE_ARCHIVE_URL: ' ' }, 'https://data.example', 'https://list.example'],
  ])('%s with %o reads %s and lists %s', (name, env, archive, listing) => {
    expect(resolveTarget(pipeline, { name, env })).toMatchObject({ archive, listing });
  });

  test('is never redirected if it is synthetic (B27)', () => {
    const env = { PIPELINE_ARCHIVE_URL: 'http://a', PIPELINE_LISTING_URL: 'http://l' };
    const sample = { archive: 'sample', listing: 'sample', synthetic: true };
    expect(resolveTarget(pipeline, { name: 'sample', env })).toMatchObject(sample);
  });

  test('is synthetic if its archive is the sample (B27)', () => {
    const env = { PIPELINE_ARCHIVE_URL: 'sample' };
    expect(resolveTarget(pipeline, { name: 'live', env })).toMatchObject({ archive: 'sample', synthetic: true });
  });

  test('may have no archive, until a variable names one', () => {
    expect(resolveTarget(pipeline, { name: 'local', env: {} })).toEqual({ name: 'local', synthetic: false });
    const env = { PIPELINE_ARCHIVE_URL: 'http://a' };
    expect(resolveTarget(pipeline, { name: 'local', env })).toMatchObject({ archive: 'http://a', listing: 'http://a' });
  });

  test('keeps the secrets of each of its URLs separate (B34)', () => {
    const basic = (user: string) => `Basic ${Buffer.from(user).toString('base64')}`;
    const env = { PIPELINE_ARCHIVE_URL: 'http://u:p%40@a/base/?x=1&y' };
    const one = { authorization: basic('u:p@'), query: 'x=1&y' };
    const followed = resolveTarget(pipeline, { name: 'live', env });
    expect(followed).toMatchObject({ archive: 'http://a/base', listing: 'http://a/base' });
    expect(followed.access).toMatchObject({ archive: one, listing: one });

    const both = resolveTarget(pipeline, { name: 'live', env: { ...env, PIPELINE_LISTING_URL: 'http://l' } });
    expect(both).toMatchObject({ archive: 'http://a/base', listing: 'http://l' });
    expect(both.access).toMatchObject({ archive: one });
    expect(both.access).not.toHaveProperty('listing');
    expect(JSON.stringify(both)).not.toMatch(/x=1|Basic/);
    expect(resolveTarget(pipeline, { name: 'live', env: {} })).not.toHaveProperty('access');
  });

  test.each([
    ['http://u:p/x@a', 'PIPELINE_ARCHIVE_URL'],
    ['u:p@a', 'PIPELINE_ARCHIVE_URL'],
    ['https:/u:p@a', 'PIPELINE_LISTING_URL'],
    ['http://a/#x', 'PIPELINE_LISTING_URL'],
  ])('%s is not a readable URL (B34)', (url, key) => {
    const thrown = () => resolveTarget(pipeline, { name: 'live', env: { [key]: url } });
    expect(thrown).toThrow(expect.objectContaining({ code: 'CONFIG_INVALID' }));
    expect(thrown).toThrow(`${key} is not a valid URL`);
  });

  test.each(['sample', '/data/me:x@work', './a:b@c', 'file:///data/me:x@work', 'me@work'])(
    '%s is a place without a secret (B34)',
    (archive) => {
      expect(resolveTarget(pipeline, { name: 'live', env: { PIPELINE_ARCHIVE_URL: archive } })).toMatchObject({
        archive,
      });
    },
  );

  test.each([
    ['lvie', 'did you mean live?'],
    ['production', 'known targets: sample, live, mirror, local'],
    ['constructor', 'known targets: sample, live, mirror, local'],
  ])('%s is not there', (name, hint) => {
    const place = { code: 'USAGE', details: { value: name, hint } };
    expect(() => resolveTarget(pipeline, { name, env: {} })).toThrow(expect.objectContaining({ code: 'USAGE' }));
    expect(() => resolveTarget(pipeline, { env: { PIPELINE_TARGET: name } })).toThrow(
      expect.objectContaining({ ...place, details: { ...place.details, key: 'PIPELINE_TARGET' } }),
    );
  });
});

describe('the clock of a run', () => {
  const now = new Date('2030-01-01T00:00:00Z');
  const env = { SOURCE_DATE_EPOCH: '1752138000' };
  const target = { as_of: new Date('2025-07-11T00:00:00Z') };

  test('is --as-of, otherwise that of the target, then SOURCE_DATE_EPOCH, then now', () => {
    expect(resolveAsOf({ flag: '2025-07-12', target, env, now })).toEqual(new Date('2025-07-12T00:00:00Z'));
    expect(resolveAsOf({ target, env, now })).toEqual(target.as_of);
    expect(resolveAsOf({ target: {}, env, now })).toEqual(new Date('2025-07-10T09:00:00Z'));
    expect(resolveAsOf({ target: {}, env: { SOURCE_DATE_EPOCH: '' }, now })).toBe(now);
  });

  test.each(['yesterday', '2025-02-30', '', '1752138000'])('--as-of %o is refused', (flag) => {
    expect(() => resolveAsOf({ flag, target, env, now })).toThrow(
      expect.objectContaining({ code: 'USAGE', details: expect.objectContaining({ key: '--as-of', value: flag }) }),
    );
  });

  test.each(['soon', '-1', '1.5', '999999999999'])('SOURCE_DATE_EPOCH=%s is refused, not ignored', (epoch) => {
    const read = () => resolveAsOf({ target: {}, env: { SOURCE_DATE_EPOCH: epoch }, now });
    if (epoch === '999999999999') expect(read().getUTCFullYear()).toBe(33658);
    else expect(read).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});
