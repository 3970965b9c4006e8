import { formatBytes, formatCount, type PipelineError } from '../../engine/index.ts';
import { asError, SourceError } from '../failure.ts';
import type { Answer } from '../http/transport.ts';
import { reason } from '../verify/reason.ts';
import type { ArchiveClient, Verdict } from './client.ts';
import { type ListedEntry, type ListingPage, ListingSyntaxError, parseListing } from './listing-xml.ts';
import { compareKeys } from './store.ts';

export interface Listed {
  /** In ascending order of UTF-8 bytes, each key once. */
  readonly entries: readonly ListedEntry[];
  /** Full common prefixes, each ending in `/`, each once. */
  readonly prefixes: readonly string[];
}

/** Limits on a listing, for all of its pages together. */
export interface ListLimits {
  readonly bytes: number;
  /** ms */
  readonly time: number;
}

/** The longest real listing, several years of daily archives of one series, has 8 pages of 300 KB. */
const defaultLimits: ListLimits = { bytes: 256 * 1024 * 1024, time: 10 * 60_000 };

/** A page of 1000 entries has about 300 KB, and at most 2 MB with the longest possible keys. */
const pageLimit = 8 * 1024 * 1024;

/** Where the next page begins. */
interface Position {
  /** The last key or common prefix before it. */
  readonly marker: string;
  /** Sent by servers that answer with V2 pages, in which it takes the place of the marker. */
  readonly token?: string | undefined;
}

/** Returns the URL of a page. Like the rest, the marker is percent-encoded UTF-8 (B12). */
function listingUrl(base: string, prefix: string, { marker, token }: Position): URL {
  const url = new URL(base);
  const query = [`prefix=${encodeURIComponent(prefix)}`, 'delimiter=/'];
  if (marker !== '') query.push(`marker=${encodeURIComponent(marker)}`);
  if (token !== undefined) query.push('list-type=2', `continuation-token=${encodeURIComponent(token)}`);
  url.search = query.join('&');
  return url;
}

/**
 * Lists everything directly below `prefix` that comes strictly after `marker`, page by page. Keys that are repeated, in
 * one page or in several, count once (A29): the entry that was modified last wins, and of equal ones the last.
 * Throws LISTING_INVALID if the pages are unusable or do not end, and otherwise the client's failure.
 */
export async function list(
  client: ArchiveClient,
  base: string,
  prefix: string,
  marker = '',
  limits: ListLimits = defaultLimits,
): Promise<Listed> {
  const entries = new Map<string, ListedEntry>();
  const prefixes = new Set<string>();
  const tokens = new Set<string>();
  const deadline = performance.now() + limits.time;
  const same = marker.startsWith(prefix) ? prefix.length : 0;
  const byName = (a: string, b: string): number => compareKeys(a, b, prefix.length);
  const byKey = (a: ListedEntry, b: ListedEntry): number => byName(a.key, b.key);
  let bytes = 0;
  const endless = (url: URL, pages: number): PipelineError => {
    const received = `${formatCount(pages)} pages, ${formatBytes(bytes)} and ${formatCount(entries.size)} keys`;
    return invalid(url, `the listing does not end: after ${received}, there is still more`);
  };
  let after: Position = { marker };
  for (let pages = 1; ; pages++) {
    const url = listingUrl(base, prefix, after);
    const check = (answer: Answer) => {
      bytes += answer.body.length;
      return checkPage(answer, prefix);
    };
    const outcome = await client.get({ url, limit: pageLimit, deadline, check });
    if (outcome.kind === 'failed') {
      if (performance.now() > deadline) throw endless(url, pages - 1);
      throw outcome.reason === undefined ? asError(outcome.failure) : invalid(url, outcome.reason.text);
    }
    if (outcome.kind === 'absent') throw invalid(url, 'there is no listing at this URL (404)');
    const page = outcome.value;
    for (const entry of page.entries) {
      if (compareKeys(entry.key, marker, same) <= 0) continue;
      const before = entries.get(entry.key);
      if (before === undefined || timeOf(before) <= timeOf(entry)) entries.set(entry.key, entry);
    }
    for (const name of page.prefixes) if (compareKeys(name, marker, same) > 0) prefixes.add(name);
    if (!page.isTruncated) return { entries: [...entries.values()].sort(byKey), prefixes: [...prefixes].sort(byName) };
    if (bytes > limits.bytes || performance.now() > deadline) throw endless(url, pages);
    after = nextPosition(page, after, tokens, url);
  }
}

const timeOf = ({ last_modified }: ListedEntry): number => Date.parse(last_modified);

/** Throws LISTING_INVALID if the next page would be this one or an earlier one. */
function nextPosition(page: ListingPage, after: Position, tokens: Set<string>, url: URL): Position {
  const { nextToken: token } = page;
  const next = page.nextMarker ?? lastName(page);
  const advances = next !== undefined && (after.marker === '' || compareKeys(next, after.marker) > 0);
  if (token !== undefined && !tokens.has(token)) {
    tokens.add(token);
    return { marker: advances ? next : after.marker, token };
  }
  if (advances) return { marker: next };
  const comes = next === undefined ? 'nothing' : JSON.stringify(next);
  throw invalid(url, `the listing does not advance: after ${after.marker || 'its start'} comes ${comes}`);
}

function checkPage(answer: Answer, prefix: string): Verdict<ListingPage> {
  const again = (text: string): Verdict<ListingPage> => ({ kind: 'again', reason: reason('not_a_listing', text) });
  let page: ListingPage;
  try {
    page = parseListing(answer.body);
  } catch (error) {
    if (error instanceof ListingSyntaxError) return again(`the response is not a listing: ${error.message}`);
    throw error;
  }
  if (page.prefix !== undefined && page.prefix !== prefix)
    return again(`the page lists ${page.prefix} instead of ${prefix}`);
  const stray =
    page.entries.find((entry) => !entry.key.startsWith(prefix))?.key ??
    page.prefixes.find((name) => !name.startsWith(prefix));
  return stray === undefined
    ? { kind: 'ok', value: page }
    : again(`the page lists ${stray}, which is not below ${prefix}`);
}

/** Returns the greatest name of a page, whose names may be in any order. */
function lastName({ entries, prefixes }: ListingPage): string | undefined {
  let last: string | undefined;
  for (const { key } of entries) if (last === undefined || compareKeys(key, last) > 0) last = key;
  for (const name of prefixes) if (last === undefined || compareKeys(name, last) > 0) last = name;
  return last;
}

function invalid(url: URL, text: string): PipelineError {
  return new SourceError('LISTING_INVALID', text, {
    url: url.href,
    hint: 'check that the listing URL is that of a bucket that can be listed; a website in front of it answers with HTML',
  });
}
