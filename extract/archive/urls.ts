/** The URL of an object: every part of the key percent-encoded as UTF-8 (A22). */
export function objectUrl(base: string, key: string): URL {
  return new URL(`${base.replace(/\/+$/, '')}/${key.split('/').map(encodeURIComponent).join('/')}`);
}
