import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClient } from '../../../extract/archive/client.ts';
import { type ListLimits, list } from '../../../extract/archive/list.ts';
import { compareKeys } from '../../../extract/archive/store.ts';

type Answer = (query: URLSearchParams, response: ServerResponse) => void;

let answer: Answer;
let requests = 0;
const server = createServer((request, response) => {
  requests++;
  answer(new URL(request.url ?? '/', 'http://bucket').searchParams, response);
});
let url: string;
beforeAll(async () => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const prefix = 'data/币/1d/';

async function listAll(marker = '', limits?: ListLimits) {
  requests = 0;
  await using client = createClient({
    ...{ connections: 1, signal: new AbortController().signal },
    retry: { base: 1, longest: 5, attempts: 2, patience: 0 },
  });
  return await list(client, url, prefix, marker, limits);
}

interface Version {
  readonly etag: string;
  readonly minute: number;
}

const entryOf = (key: string, { etag, minute }: Version) =>
  `<Contents><Key>${key}</Key><LastModified>2025-07-01T00:${String(minute).padStart(2, '0')}:00.000Z</LastModified><ETag>&quot;${etag}&quot;</ETag><Size>1</Size></Contents>`;
const pageOf = (inner: string, isTruncated: boolean, more = '') =>
  `<ListBucketResult><Prefix>${prefix}</Prefix><Marker/>${more}<IsTruncated>${isTruncated}</IsTruncated>${inner}</ListBucketResult>`;

describe('A29: the liberties of a service', () => {
  const version = fc.record({ etag: fc.stringMatching(/^[0-9a-f]{32}$/), minute: fc.integer({ min: 1, max: 59 }) });
  const objects = fc.dictionary(fc.stringMatching(/^[a-z币🚀]{1,4}$/u), version, { maxKeys: 25 });
  const liberties = fc.record({
    /** Entries per page, in turn. */
    sizes: fc.array(fc.integer({ min: 2, max: 7 }), { minLength: 1, maxLength: 5 }),
    /** A page starts with its marker. */
    isInclusive: fc.boolean(),
    /** The number of entries of this page, and of earlier pages, that are repeated. */
    repeats: fc.integer({ min: 0, max: 3 }),
    again: fc.integer({ min: 0, max: 3 }),
    /** Repeated entries are of an older version. */
    areStale: fc.boolean(),
    isReversed: fc.boolean(),
    next: fc.constantFrom('NextMarker', 'NextContinuationToken', 'none'),
    /** V2 servers may look only at their token. */
    ignoresMarker: fc.boolean(),
  });

  test('do not change the objects', async () => {
    const property = fc.asyncProperty(objects, liberties, async (found, how) => {
      const versions = new Map(Object.entries(found).map(([name, one]) => [`${prefix}${name}.zip`, one]));
      const keys = [...versions.keys()].sort(compareKeys);
      let turn = 0;
      answer = (query, response) => {
        const token = query.get('continuation-token');
        const isByToken = how.next === 'NextContinuationToken' && how.ignoresMarker;
        const marker = (isByToken ? token?.slice('after '.length) : query.get('marker')) ?? '';
        const from = marker === '' ? 0 : keys.indexOf(marker) + (how.isInclusive ? 0 : 1);
        const to = from + (how.sizes[turn++ % how.sizes.length] as number);
        const page = keys.slice(from, to);
        const old = { etag: 'f'.repeat(32), minute: 0 };
        const repeated = [...page.slice(-how.repeats || page.length), ...keys.slice(0, from).slice(0, how.again)];
        const entries = [
          ...page.map((key) => entryOf(key, versions.get(key) as Version)),
          ...repeated.map((key) => entryOf(key, how.areStale ? old : (versions.get(key) as Version))),
        ];
        const last = page.at(-1) ?? '';
        const tags = { NextMarker: last, NextContinuationToken: `after ${last}`, none: undefined };
        const value = tags[how.next];
        const isTruncated = to < keys.length;
        const more =
          isTruncated && value !== undefined ? `<${how.next}>${value}</${how.next}><KeyCount>1</KeyCount>` : '';
        response.end(pageOf((how.isReversed ? entries.reverse() : entries).join(''), isTruncated, more));
      };
      const { entries } = await listAll();
      expect(entries.map(({ key, etag }) => [key, etag])).toEqual(keys.map((key) => [key, versions.get(key)?.etag]));
    });
    await fc.assert(property, { numRuns: 150 });
  });

  test('if a key has two versions, the one modified last counts', async () => {
    const [old, recent] = [
      { etag: 'a'.repeat(32), minute: 1 },
      { etag: 'b'.repeat(32), minute: 2 },
    ];
    for (const [first, second] of [
      [old, recent],
      [recent, old],
    ] as const) {
      answer = (_query, response) =>
        response.end(pageOf(entryOf(`${prefix}x`, first) + entryOf(`${prefix}x`, second), false));
      expect((await listAll()).entries).toMatchObject([{ etag: recent.etag }]);
    }
  });

  test('entries at or before the marker do not count, whatever the page starts with', async () => {
    const one = { etag: 'a'.repeat(32), minute: 1 };
    answer = (_query, response) =>
      response.end(pageOf(['a', 'b', 'c'].map((name) => entryOf(prefix + name, one)).join(''), false));
    expect((await listAll(`${prefix}b`)).entries.map(({ key }) => key)).toEqual([`${prefix}c`]);
  });
});

describe('A29: a listing without an end', () => {
  const one = { etag: 'a'.repeat(32), minute: 1 };
  const noEnd = { code: 'LISTING_INVALID', message: expect.stringContaining('the listing does not end') };

  test('is cut off at a limit of bytes', async () => {
    answer = (query, response) => {
      const next = `${query.get('marker') ?? prefix}x`;
      response.end(pageOf(entryOf(next, one), true));
    };
    await expect(listAll('', { bytes: 20_000, time: 60_000 })).rejects.toMatchObject(noEnd);
    expect(requests).toBeLessThan(100);
  });

  test('is cut off at a limit of time, even if its pages are empty', async () => {
    answer = (_query, response) => {
      response.end(pageOf('', true, `<NextContinuationToken>${requests}</NextContinuationToken>`));
    };
    await expect(listAll('', { bytes: 1e9, time: 100 })).rejects.toMatchObject(noEnd);
  });

  test('is reported when it returns to an earlier marker', async () => {
    answer = (_query, response) => response.end(pageOf(entryOf(`${prefix}x`, one), true));
    const standsStill = { code: 'LISTING_INVALID', message: expect.stringContaining('does not advance') };
    await expect(listAll()).rejects.toMatchObject(standsStill);
    answer = (_query, response) => response.end(pageOf('', true, '<NextContinuationToken>t</NextContinuationToken>'));
    await expect(listAll()).rejects.toMatchObject(standsStill);
  });

  test.each([
    ['as fast as it can', 'ARCHIVE_UNREACHABLE', 'at most 8388608', { bytes: 1e9, time: 60_000 }, 0],
    ['drop by drop', 'LISTING_INVALID', 'does not end', { bytes: 1e9, time: 200 }, 5],
  ])('is cut off if one page is endless, %s', async (_what, code, text, limits, pause) => {
    answer = (_query, response) => {
      let timer: NodeJS.Timeout;
      const more = () => {
        timer = setTimeout(() => response.write(' '.repeat(pause === 0 ? 1_000_000 : 500), more), pause);
      };
      response.on('close', () => clearTimeout(timer));
      more();
    };
    await expect(listAll('', limits)).rejects.toMatchObject({ code, message: expect.stringContaining(text) });
  });
});

test.each([
  ['an error document', '<Error><Code>SlowDown</Code></Error>', '<ListBucketResult> is missing, found <Error>'],
  ['a key of another prefix', pageOf(entryOf('data/other/x', { etag: 'a', minute: 1 }), false), 'data/other/x'],
  ['an unknown encoding', pageOf('<EncodingType>x</EncodingType>', false), 'encoded as "x"'],
])('A29: an untrustworthy page is an error that names the problem: %s', async (_what, text, odd) => {
  answer = (_query, response) => response.end(text);
  await expect(listAll()).rejects.toMatchObject({ code: 'LISTING_INVALID', message: expect.stringContaining(odd) });
});
