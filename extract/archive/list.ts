import { PipelineError } from '../../engine/index.ts';
import { asError } from '../errors.ts';
import type { Answer } from '../http/transport.ts';
import { reason } from '../verify/reason.ts';
import type { ArchiveClient, Verdict } from './client.ts';
import { type ListedEntry, type ListingPage, ListingSyntaxError, parseListing } from './listing-xml.ts';
import { compareKeys } from './store.ts';

export interface Listed {
  /** In ascending UTF-8 byte order, as the service gives them. */
  readonly entries: readonly ListedEntry[];
  /** Full common prefixes, each ending in `/`. */
  readonly prefixes: readonly string[];
}

/** A page of 1000 entries has about 300 KB; the longest keys would make it 2 MB. */
const pageLimit = 8 * 1024 * 1024;

/** The URL of a page. The marker is percent-encoded UTF-8 like the rest (B12). */
function listingUrl(base: string, prefix: string, marker: string): URL {
  const url = new URL(base);
  const query = [`prefix=${encodeURIComponent(prefix)}`, 'delimiter=/'];
  if (marker !== '') query.push(`marker=${encodeURIComponent(marker)}`);
  url.search = query.join('&');
  return url;
}

/**
 * Everything directly below `prefix` that comes strictly after `marker`, page by page.
 * Throws LISTING_INVALID where the pages are not to be used, and what the client fails with.
 */
export async function list(client: ArchiveClient, base: string, prefix: string, marker = ''): Promise<Listed> {
  const entries: ListedEntry[] = [];
  const prefixes: string[] = [];
  for (let after = marker; ; ) {
    const url = listingUrl(base, prefix, after);
    const outcome = await client.get({ url, limit: pageLimit, check: (answer) => checkPage(answer, prefix) });
    if (outcome.kind === 'failed') {
      throw outcome.reason === undefined ? asError(outcome.failure) : invalid(url, outcome.reason.text);
    }
    if (outcome.kind === 'absent') throw invalid(url, 'there is no listing here (404)');
    const page = outcome.value;
    for (const entry of page.entries) entries.push(entry);
    for (const name of page.prefixes) prefixes.push(name);
    if (!page.isTruncated) return { entries, prefixes };
    const next = page.nextMarker ?? lastName(page);
    if (next === undefined || (after !== '' && compareKeys(next, after) <= 0)) {
      throw invalid(url, `the listing does not advance: after ${after || 'its start'} comes ${next ?? 'nothing'}`);
    }
    after = next;
  }
}

function checkPage(answer: Answer, prefix: string): Verdict<ListingPage> {
  const again = (text: string): Verdict<ListingPage> => ({ kind: 'again', reason: reason('not_a_listing', text) });
  let page: ListingPage;
  try {
    page = parseListing(answer.body);
  } catch (error) {
    if (error instanceof ListingSyntaxError) return again(`this is no listing: ${error.message}`);
    throw error;
  }
  if (page.prefix !== undefined && page.prefix !== prefix) return again(`this lists ${page.prefix}, not ${prefix}`);
  const stray =
    page.entries.find((entry) => !entry.key.startsWith(prefix))?.key ??
    page.prefixes.find((name) => !name.startsWith(prefix));
  return stray === undefined ? { kind: 'ok', value: page } : again(`this lists ${stray}, which is not below ${prefix}`);
}

function lastName(page: ListingPage): string | undefined {
  const names = [page.entries.at(-1)?.key, page.prefixes.at(-1)].filter((name) => name !== undefined);
  return names.sort(compareKeys).at(-1);
}

function invalid(url: URL, text: string): PipelineError {
  return new PipelineError('LISTING_INVALID', text, {
    url: url.href,
    hint: 'check that the listing URL names a bucket that lists; a website in front of one answers with HTML',
  });
}
