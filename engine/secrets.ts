import { inspect } from 'node:util';

/** Replaces a secret in text. */
export const hidden = '***';

/** The credentials that a host requires besides the address: a secret, for the transport only. */
export interface UrlAccess {
  /** Value of the header. */
  readonly authorization?: string | undefined;
  /** As written, without the question mark. */
  readonly query?: string | undefined;
}

/** Prints as nothing, so that a target can be printed and stored. Other threads receive it as plain data. */
class SecretAccess implements UrlAccess {
  readonly authorization: string | undefined;
  readonly query: string | undefined;

  constructor(authorization: string | undefined, query: string | undefined) {
    this.authorization = authorization;
    this.query = query;
  }

  toJSON(): undefined {
    return undefined;
  }

  [inspect.custom](): string {
    return hidden;
  }
}

/** An address that may be shown, and the secret part. */
export interface SplitUrl {
  readonly url: string;
  readonly access?: UrlAccess;
}

/** Splits a URL in two; undefined if the text is not a URL with a host, or has a fragment, which is never sent. */
export function splitUrl(text: string): SplitUrl | undefined {
  const url = URL.parse(text);
  if (url === null || url.host === '' || url.hash !== '') return undefined;
  const { protocol, host, pathname, username, password, search } = url;
  const hasUser = username !== '' || password !== '';
  if (!hasUser && !text.includes('?')) return { url: text };
  const user = `${decoded(username)}:${decoded(password)}`;
  const authorization = hasUser ? `Basic ${Buffer.from(user).toString('base64')}` : undefined;
  const access = new SecretAccess(authorization, search === '' ? undefined : search.slice(1));
  return { url: `${protocol}//${host}${pathname.replace(/\/+$/, '')}`, access };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a literal %
  }
}

/** Shorter values are hidden in URLs only: they occur in any text by chance. */
const shortestEcho = 4;

/** Hides in a host's response text what it echoes of the secrets it was sent. */
export function hideEcho(text: string, { authorization = '', query = '' }: UrlAccess = {}): string {
  const token = authorization.replace(/^Basic /, '');
  const [user = '', ...password] = Buffer.from(token, 'base64').toString().split(':');
  const values = query.split('&').map((pair) => pair.slice(pair.indexOf('=') + 1));
  const plain = [user, password.join(':'), ...values, ...values.map(decoded)];
  const sent = [token, ...plain, ...plain.map(encodeURIComponent)].filter(({ length }) => length >= shortestEcho);
  const longestFirst = sent.sort((a, b) => b.length - a.length);
  return hideSecrets(longestFirst.reduce((shown, secret) => shown.replaceAll(secret, hidden), text));
}

// A URL that was treated as a path has only one slash left.
const userInText = /(:\/{1,2})(?!\/)(?:(?!:\/)[^\s"`])*@/g;
const queryInText = /(:\/{1,2}[^\s"`?]*)\?[^\s"`]*/g;

/** Hides the users, passwords and queries of the URLs in a text. */
export function hideSecrets(text: string): string {
  if (!text.includes(':/')) return text;
  return hideUsers(text).replace(queryInText, `$1?${hidden}`);
}

/** Hides the users and passwords of the URLs in a text, for URLs whose query is the program's own. */
export const hideUsers = (text: string): string => text.replace(userInText, `$1${hidden}@`);

const userInWord = /(:\/{1,2})(?!\/)(?:(?!:\/)[\s\S])*@/g;
const queryInWord = /(:\/{1,2}(?:(?!:\/)[^?])*)\?(?:(?!,[\w-]+=[a-z]+:\/\/)[\s\S])*/g;
/** As in a URL that lacks its `https://`. */
const bareUser = /(^|[=,"\s/])[^\s,="/:@]+:[^\s,"/@][^\s,"/]*@/g;

/**
 * Does the same for a value as a user typed it: a command-line word, a var, a YAML scalar. It may not be a URL at all,
 * so more counts as secret than in prose: a password with blanks, a user before a host without a scheme.
 */
export function hideInValue(value: string): string {
  if (!value.includes('@') && !value.includes('?')) return value;
  return value
    .replace(userInWord, `$1${hidden}@`)
    .replace(queryInWord, `$1?${hidden}`)
    .replace(bareUser, `$1${hidden}@`);
}
