import { inspect } from 'node:util';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { formatError, PipelineError } from '../../../engine/errors.ts';
import { toJsonLine } from '../../../engine/report/json.ts';
import { hideEcho, hideInValue, hideSecrets, splitUrl } from '../../../engine/secrets.ts';

/** A part of a URL that cannot be confused with the text around it. */
const secret = (mark: string) => fc.string({ maxLength: 12 }).map((text) => `${mark}${text}${mark}`);
const marks = ['USERMARK', 'PASSMARK', 'QUERYMARK'] as const;
const parts = fc.tuple(...marks.map(secret));
const encoded = (part: string) => encodeURIComponent(part.toWellFormed());
const urls = parts.map(
  ([user = '', password = '', query = '']) =>
    `https://${encoded(user)}:${encoded(password)}@host.example:8443/base?sig=${encoded(query)}&e=1`,
);
const isClean = (text: string) => marks.every((mark) => !text.includes(mark));

describe('a URL with a user, a password and a query (B34)', () => {
  test('is split into what may be shown and what is sent', () => {
    fc.assert(
      fc.property(parts, ([user = '', password = '', query = '']) => {
        const url = `http://${encoded(user)}:${encoded(password)}@host/base/?sig=${encoded(query)}`;
        const split = splitUrl(url);
        expect(split?.url).toBe('http://host/base');
        const [scheme = '', token = ''] = split?.access?.authorization?.split(' ') ?? [];
        expect(scheme).toBe('Basic');
        expect(Buffer.from(token, 'base64').toString()).toBe(`${user.toWellFormed()}:${password.toWellFormed()}`);
        expect(new URLSearchParams(split?.access?.query).get('sig')).toBe(query.toWellFormed());
        expect(isClean(JSON.stringify(split) + inspect(split))).toBe(true);
      }),
    );
  });

  test.each([
    ['http://127.0.0.1:8080', 'http://127.0.0.1:8080', undefined, undefined],
    ['https://h/a/', 'https://h/a/', undefined, undefined],
    ['https://h/?a=b/c&d', 'https://h', undefined, 'a=b/c&d'],
    ['https://u@h/a', 'https://h/a', 'u:', undefined],
    ['https://:p@h', 'https://h', ':p', undefined],
    ['https://u:100%@h', 'https://h', 'u:100%', undefined],
    ['https://u:p@ss@h', 'https://h', 'u:p@ss', undefined],
  ])('%s', (url, shown, user, query) => {
    const split = splitUrl(url);
    expect(split?.url).toBe(shown);
    expect(split?.access?.authorization).toBe(user && `Basic ${Buffer.from(user).toString('base64')}`);
    expect(split?.access?.query).toBe(query);
  });

  test.each(['http://u:pa/ss@h', 'http://u:p#x@h', 'http://h/#x', 'http://', 'nothing', 'sample'])(
    '%s is not a readable one',
    (text) => expect(splitUrl(text)).toBeUndefined(),
  );

  test('is hidden anywhere in a text, and the rest of the text stays', () => {
    fc.assert(
      fc.property(urls, (url) => {
        for (const text of [url, `no answer from ${url} at all`, `'${url}'`, `(${url}), \`${url}\`, "${url}"`]) {
          expect(isClean(hideSecrets(text))).toBe(true);
          expect(isClean(hideInValue(text))).toBe(true);
        }
        expect(hideSecrets(`no answer from ${url} at all`)).toBe(
          'no answer from https://***@host.example:8443/base?*** at all',
        );
      }),
    );
  });

  test.each([
    [
      'rest_urls=spot=https://u:p w@h/x,futures-um=https://v@g',
      'rest_urls=spot=https://***@h/x,futures-um=https://***@g',
    ],
    ['spot=https://h?a=1 2,futures-um=https://g', 'spot=https://h?***,futures-um=https://g'],
    ['http://u:pa/ss@h/a', 'http://***@h/a'],
    ['u:p@h/a', '***@h/a'],
    ['/work/http:/u:p@h/a', '/work/http:/***@h/a'],
    ['https//u:p@h', 'https//***@h'],
    ['spot=u:p@h', 'spot=***@h'],
    ['{"rest_urls":["spot=https://u:p@h/a"]}', '{"rest_urls":["spot=https://***@h/a"]}'],
  ])('is hidden in a value: %s', (value, shown) => expect(hideInValue(value)).toBe(shown));

  test.each([
    'https://data.example/a/b',
    '--select=@a',
    '2+a+1',
    '/data/me@work/archive',
    'file:///data/me@work/archive',
    'grace_days=10',
    'what is this?',
    '2025-07-10T09:00:00Z',
  ])('%s contains none', (text) => {
    expect(hideSecrets(text)).toBe(text);
    expect(hideInValue(text)).toBe(text);
  });

  test('is hidden if a host repeats it, in any form', () => {
    fc.assert(
      fc.property(parts, ([name = '', password = '', query = '']) => {
        const user = name.replaceAll(':', ''); // Basic authentication allows no colon in a user name
        const url = `http://${encoded(user)}:${encoded(password)}@host?sig=${encoded(query)}`;
        const { authorization = '', query: sent = '' } = splitUrl(url)?.access ?? {};
        const said = `${user.toWellFormed()} ${password.toWellFormed()} ${query.toWellFormed()} /a?${sent} ${authorization} ${url}`;
        const shown = hideEcho(`illegal: ${said}`, splitUrl(url)?.access);
        expect(isClean(shown)).toBe(true);
        expect(shown).not.toContain(authorization.slice(6));
      }),
    );
    expect(hideEcho('Invalid symbol. at a=1', { query: 'v=1' })).toBe('Invalid symbol. at a=1');
    expect(hideEcho('Invalid symbol.')).toBe('Invalid symbol.');
  });

  test('is shown in no error, not even with --debug or as JSON', () => {
    fc.assert(
      fc.property(urls, (url) => {
        const cause = new Error(`cannot reach ${url}`);
        const error = new PipelineError('ARCHIVE_UNREACHABLE', `no answer: ${url}`, {
          ...{ file: url, key: url, value: url, url, cause },
        });
        for (const one of [error, cause, new Error(url)]) {
          const shown =
            one === error
              ? formatError(one, { debug: true }).replace(/^ {2}url: .*$/m, '')
              : formatError(one, { debug: true });
          expect(isClean(shown)).toBe(true);
          expect(isClean(toJsonLine({ error: one }, { debug: true }).replace(/"url":"[^"]*",/, ''))).toBe(true);
        }
        expect(error.details.url).not.toMatch(/USERMARK|PASSMARK/);
      }),
      { numRuns: 30 },
    );
  });
});
