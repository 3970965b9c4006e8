import { isAscii } from 'node:buffer';

export interface ListedEntry {
  readonly key: string;
  /** `2023-07-18T04:11:20.000Z` */
  readonly last_modified: string;
  /** Without quotes. It is the MD5 in hex, unless the object was uploaded in parts. */
  readonly etag: string;
  readonly size_bytes: number;
}

export interface ListingPage {
  readonly prefix: string | undefined;
  readonly isTruncated: boolean;
  /** Sent only with a delimiter. */
  readonly nextMarker: string | undefined;
  /** Sent by servers that use the form of ListObjectsV2 (A29). */
  readonly nextToken: string | undefined;
  readonly entries: readonly ListedEntry[];
  readonly prefixes: readonly string[];
}

/** Thrown by `parseListing` if a page is not a complete response of ListObjects. */
export class ListingSyntaxError extends Error {
  override readonly name = 'ListingSyntaxError';
}

/**
 * Parses a page of ListObjects, v1 or v2, as any S3-compatible server may write it (A29): compact or pretty-printed,
 * with self-closing elements, CDATA, namespace prefixes and URL-encoded keys. The scan is strict: only predefined and
 * numeric entities, no DOCTYPE or comments, and every element closed in order. Unknown elements are skipped. Throws
 * `ListingSyntaxError` for anything else, such as an HTML page or a truncated page.
 */
export function parseListing(bytes: Buffer): ListingPage {
  const scan = new Scanner(bytes);
  scan.skipDeclaration();
  scan.open('ListBucketResult');
  const entries: ListedEntry[] = [];
  const prefixes: string[] = [];
  const values: Partial<Record<(typeof textElements)[number], string>> = {};
  for (let name = scan.openNext(); name !== undefined; name = scan.openNext()) {
    if (name === 'Contents') entries.push(scan.usualEntry() ?? readEntry(scan));
    else if (name === 'CommonPrefixes') prefixes.push(readPrefix(scan));
    else if (isTextElement(name)) values[name] = scan.text();
    else scan.skip();
  }
  scan.close();
  scan.end();
  if (values.IsTruncated !== 'true' && values.IsTruncated !== 'false') {
    throw new ListingSyntaxError('IsTruncated is neither true nor false');
  }
  if (values.EncodingType !== undefined && values.EncodingType !== 'url') {
    throw new ListingSyntaxError(`keys are encoded as ${JSON.stringify(values.EncodingType)}, which is unknown`);
  }
  const decode = values.EncodingType === 'url' ? decodeUrl : (text: string) => text;
  // An empty element means the same as a missing one.
  const optional = (text: string | undefined) => (text ? decode(text) : undefined);
  return {
    prefix: values.Prefix === undefined ? undefined : decode(values.Prefix),
    isTruncated: values.IsTruncated === 'true',
    nextMarker: optional(values.NextMarker),
    nextToken: values.NextContinuationToken || undefined,
    entries: decode === decodeUrl ? entries.map((entry) => ({ ...entry, key: decode(entry.key) })) : entries,
    prefixes: prefixes.map(decode),
  };
}

const textElements = ['Prefix', 'IsTruncated', 'NextMarker', 'NextContinuationToken', 'EncodingType'] as const;
const isTextElement = (name: string): name is (typeof textElements)[number] =>
  (textElements as readonly string[]).includes(name);

function decodeUrl(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw new ListingSyntaxError(`${JSON.stringify(text)} is not URL-encoded, though the page says so`);
  }
}

const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,3})?Z$/;
const otherTimePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;
const etagPattern = /^[\x21-\x7e]{1,128}$/;

/** Returns the time in the form that the real service uses. Other servers send offsets or microseconds. */
function utcTime(text: string | undefined): string | undefined {
  if (text === undefined || timePattern.test(text)) return text;
  const time = otherTimePattern.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? undefined : new Date(time).toISOString();
}

/** Converts MD5s to lower case, in which they are compared. */
const plainEtag = (etag: string): string =>
  /[A-F]/.test(etag) && /^[0-9A-Fa-f]{32}$/.test(etag) ? etag.toLowerCase() : etag;

function readEntry(scan: Scanner): ListedEntry {
  let key: string | undefined;
  let time: string | undefined;
  let etag: string | undefined;
  let size: string | undefined;
  for (let name = scan.openNext(); name !== undefined; name = scan.openNext()) {
    if (name === 'Key') key = scan.text();
    else if (name === 'LastModified') time = scan.text();
    else if (name === 'ETag') etag = plainEtag(scan.text().replaceAll('"', ''));
    else if (name === 'Size') size = scan.text();
    else scan.skip();
  }
  scan.close();
  if (key === undefined || key === '') throw new ListingSyntaxError('an entry has no key');
  const last_modified = utcTime(time);
  if (last_modified === undefined) throw new ListingSyntaxError(`the time of ${key} is missing or invalid: ${time}`);
  if (etag === undefined || !etagPattern.test(etag))
    throw new ListingSyntaxError(`the ETag of ${key} is missing or invalid: ${etag}`);
  if (size === undefined || !/^\d{1,15}$/.test(size))
    throw new ListingSyntaxError(`the size of ${key} is missing or invalid: ${size}`);
  return { key, last_modified, etag, size_bytes: Number(size) };
}

function readPrefix(scan: Scanner): string {
  let prefix: string | undefined;
  for (let name = scan.openNext(); name !== undefined; name = scan.openNext()) {
    if (name === 'Prefix') prefix = scan.text();
    else scan.skip();
  }
  scan.close();
  if (prefix === undefined) throw new ListingSyntaxError('a common prefix has no name');
  return prefix;
}

const LESS = 0x3c;
const SLASH = 0x2f;
const cdataStart = '<![CDATA[';
const cdataEnd = ']]>';
const mostNested = 10;

/** Walks the elements of a document, read as Latin-1 since all markup is ASCII. Other text is decoded as UTF-8. */
class Scanner {
  readonly #source: string;
  readonly #ascii: boolean;
  /** Names of the elements that are open, with their namespaces. */
  readonly #open: string[] = [];
  /** True if the innermost element is self-closing, that is, empty and without an end tag. */
  #isSelfClosing = false;
  #at: number;

  constructor(bytes: Buffer) {
    this.#source = bytes.toString('latin1');
    this.#ascii = isAscii(bytes);
    this.#at = this.#source.startsWith('\u00ef\u00bb\u00bf') ? 3 : 0;
  }

  skipDeclaration(): void {
    this.#skipSpace();
    if (!this.#source.startsWith('<?xml ', this.#at)) return;
    const end = this.#source.indexOf('?>', this.#at);
    if (end < 0) throw this.#error('the XML declaration is not closed');
    this.#at = end + 2;
  }

  /** Consumes the start tag `name`. Throws if there is another one. */
  open(name: string): void {
    const found = this.openNext();
    if (found !== name) throw this.#error(`<${name}> is missing${found === undefined ? '' : `, found <${found}>`}`);
  }

  /** Consumes the next start tag and returns its name without a namespace, or returns `undefined` before an end tag. */
  openNext(): string | undefined {
    if (this.#isSelfClosing) return undefined;
    const source = this.#source;
    this.#skipSpace();
    const start = this.#at + 1;
    if (source.charCodeAt(this.#at) !== LESS) throw this.#error('an element is missing');
    if (source.charCodeAt(start) === SLASH) return undefined;
    const end = source.indexOf('>', start);
    if (end < 0) throw this.#error('the page is truncated inside a tag');
    const tag = source.slice(start, end);
    // The common tags are recognized without a pattern.
    const found = plainTags.has(tag) ? { name: tag, isEmpty: false } : readTag(tag);
    if (found === undefined) throw this.#error(`<${tag.slice(0, 40)}> is not a plain start tag`);
    if (this.#open.push(found.name) > mostNested) throw this.#error('elements are nested too deeply');
    this.#isSelfClosing = found.isEmpty;
    this.#at = end + 1;
    return found.name.slice(found.name.indexOf(':') + 1);
  }

  /** Consumes the end of the innermost element. */
  close(): void {
    const name = this.#open.pop();
    if (this.#isSelfClosing) {
      this.#isSelfClosing = false;
      return;
    }
    this.#skipSpace();
    if (!this.#source.startsWith(`</${name}`, this.#at)) throw this.#error(`</${name}> is missing`);
    this.#at += 2 + (name?.length ?? 0);
    this.#skipSpace();
    if (this.#source[this.#at] !== '>') throw this.#error(`</${name}> is missing`);
    this.#at++;
  }

  /** Returns the text of the innermost element and consumes its end tag. */
  text(): string {
    let text = '';
    if (!this.#isSelfClosing) {
      for (;;) {
        const end = this.#source.indexOf('<', this.#at);
        if (end < 0) throw this.#error(`the page is truncated inside <${this.#open.at(-1)}>`);
        text += decodeText(this.#source.slice(this.#at, end));
        this.#at = end;
        const literal = this.#cdata();
        if (literal === undefined) break;
        text += decodeBytes(literal);
      }
    }
    this.close();
    return text;
  }

  /** Consumes a CDATA section, if one begins here, and returns its content. */
  #cdata(): string | undefined {
    if (!this.#source.startsWith(cdataStart, this.#at)) return undefined;
    const from = this.#at + cdataStart.length;
    const end = this.#source.indexOf(cdataEnd, from);
    if (end < 0) throw this.#error('the page is truncated inside CDATA');
    this.#at = end + cdataEnd.length;
    return this.#source.slice(from, end);
  }

  /**
   * Consumes the rest of a `Contents` element if it is exactly as the real service writes it, and otherwise nothing.
   * A full listing has thousands of pages: this reads one in 0.8 ms, while element by element it takes 2.8 ms.
   */
  usualEntry(): ListedEntry | undefined {
    const source = this.#source;
    const key = this.#at + '<Key>'.length;
    const keyEnd = source.indexOf('<', key);
    const time = keyEnd + '</Key><LastModified>'.length;
    const etag = time + 24 + '</LastModified><ETag>&quot;'.length;
    const size = etag + 32 + '&quot;</ETag><Size>'.length;
    const sizeEnd = source.indexOf('<', size);
    const usual =
      this.#ascii &&
      keyEnd > key &&
      sizeEnd > size &&
      sizeEnd - size <= 15 &&
      source.startsWith('<Key>', this.#at) &&
      source.startsWith('</Key><LastModified>', keyEnd) &&
      source.startsWith('</LastModified><ETag>&quot;', time + 24) &&
      source.startsWith('&quot;</ETag><Size>', etag + 32) &&
      source.startsWith('</Size><StorageClass>STANDARD</StorageClass></Contents>', sizeEnd) &&
      // The first entity is the quote of the ETag, so there is none in the key.
      source.indexOf('&', key) === etag - '&quot;'.length;
    if (!usual) return undefined;
    const size_bytes = Number(source.slice(size, sizeEnd));
    const last_modified = source.slice(time, time + 24);
    if (!Number.isSafeInteger(size_bytes) || !timePattern.test(last_modified)) return undefined;
    this.#open.pop();
    this.#at = sizeEnd + '</Size><StorageClass>STANDARD</StorageClass></Contents>'.length;
    const listedEtag = plainEtag(source.slice(etag, etag + 32));
    return { key: source.slice(key, keyEnd), last_modified, etag: listedEtag, size_bytes };
  }

  /** Skips the rest of the innermost element. */
  skip(): void {
    while (!this.#isSelfClosing) {
      const next = this.#source.indexOf('<', this.#at);
      if (next < 0) throw this.#error(`the page is truncated inside <${this.#open.at(-1)}>`);
      this.#at = next;
      if (this.#cdata() !== undefined) continue;
      if (this.openNext() === undefined) break;
      this.skip();
    }
    this.close();
  }

  end(): void {
    this.#skipSpace();
    if (this.#at !== this.#source.length) throw this.#error('there is text after the end of the listing');
  }

  #skipSpace(): void {
    let code = this.#source.charCodeAt(this.#at);
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) code = this.#source.charCodeAt(++this.#at);
  }

  #error(message: string): ListingSyntaxError {
    return new ListingSyntaxError(`${message} (byte ${this.#at} of ${this.#source.length})`);
  }
}

const plainTags = new Set([
  'Contents',
  'Key',
  'LastModified',
  'ETag',
  'Size',
  'StorageClass',
  'CommonPrefixes',
  'Prefix',
]);

const tagPattern =
  /^([A-Za-z_][\w.-]*(?::[A-Za-z_][\w.-]*)?)(?:\s+[A-Za-z_][\w:.-]*\s*=\s*(?:"[^"<]*"|'[^'<]*'))*\s*(\/?)$/;

/** Returns the name in a start tag, with its namespace prefix. Attributes are ignored. */
function readTag(tag: string): { readonly name: string; readonly isEmpty: boolean } | undefined {
  const [, name, slash] = tagPattern.exec(tag) ?? [];
  return name === undefined ? undefined : { name, isEmpty: slash === '/' };
}

const utf8 = new TextDecoder('utf-8', { fatal: true });
const predefined: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decodeBytes(raw: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: it tests for ASCII
  if (!/[^\x00-\x7f]/.test(raw)) return raw;
  try {
    return utf8.decode(Buffer.from(raw, 'latin1'));
  } catch {
    throw new ListingSyntaxError('a text is not valid UTF-8');
  }
}

function decodeText(raw: string): string {
  const text = decodeBytes(raw);
  if (!text.includes('&')) return text;
  return text.replace(/&([^;&]{0,8});?/g, (whole, name: string) => {
    const code = /^#x([0-9a-fA-F]{1,6})$/.exec(name)?.[1] ?? /^#(\d{1,7})$/.exec(name)?.[1];
    const character =
      code === undefined ? predefined[name] : characterOf(name[1] === 'x' ? Number.parseInt(code, 16) : Number(code));
    if (character === undefined || !whole.endsWith(';')) throw new ListingSyntaxError(`unknown entity ${whole}`);
    return character;
  });
}

const characterOf = (code: number): string | undefined =>
  code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ? undefined : String.fromCodePoint(code);
