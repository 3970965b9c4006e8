import { inspect } from 'node:util';

/** Stands in the place of a secret. */
export const hidden = '***';

/** What a host asks for besides the address: a secret, for the transport alone. */
export interface UrlAccess {
  /** Value of the header. */
  readonly authorization?: string | undefined;
  /** As it was written, without the question mark. */
  readonly query?: string | undefined;
}

/** Prints as nothing, so that a target can be printed and stored as it is. As plain data it passes to other threads. */
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

/** An address that may be shown, and what must not be. */
export interface SplitUrl {
  readonly url: string;
  readonly access?: UrlAccess;
}

/** Splits a URL in two; undefined for a text that is not a URL with a host, or has a fragment, which no host is sent. */
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
    return text; // a % that stands for itself
  }
}

/** Shorter values are hidden in URLs alone: they stand in any text by chance. */
const shortestEcho = 4;

/** The text of a host without what it repeats of what it was sent. */
export function hideEcho(text: string, { authorization = '', query = '' }: UrlAccess = {}): string {
  const token = authorization.replace(/^Basic /, '');
  const [user = '', ...password] = Buffer.from(token, 'base64').toString().split(':');
  const values = query.split('&').map((pair) => pair.slice(pair.indexOf('=') + 1));
  const plain = [user, password.join(':'), ...values, ...values.map(decoded)];
  const sent = [token, ...plain, ...plain.map(encodeURIComponent)].filter(({ length }) => length >= shortestEcho);
  const longestFirst = sent.sort((a, b) => b.length - a.length);
  return hideSecrets(longestFirst.reduce((shown, secret) => shown.replaceAll(secret, hidden), text));
}

// A URL that was taken for a path has one slash left.
const userInText = /(:\/{1,2})(?!\/)(?:(?!:\/)[^\s"`])*@/g;
const queryInText = /(:\/{1,2}[^\s"`?]*)\?[^\s"`]*/g;

/** A text without the users, passwords and queries of the URLs in it. */
export function hideSecrets(text: string): string {
  if (!text.includes(':/')) return text;
  return hideUsers(text).replace(queryInText, `$1?${hidden}`);
}

/** A text without the users and passwords of the URLs in it: for URLs whose query is the program's own. */
export const hideUsers = (text: string): string => text.replace(userInText, `$1${hidden}@`);

const userInWord = /(:\/{1,2})(?!\/)(?:(?!:\/)[\s\S])*@/g;
const queryInWord = /(:\/{1,2}(?:(?!:\/)[^?])*)\?(?:(?!,[\w-]+=[a-z]+:\/\/)[\s\S])*/g;
/** As in a URL that lacks its `https://`. */
const bareUser = /(^|[=,"\s/])[^\s,="/:@]+:[^\s,"/@][^\s,"/]*@/g;

/**
 * The same for a value as a user wrote it: a word of the command line, a var, a scalar of YAML. It may be no URL at all, so
 * more counts as secret than in prose: a password with blanks, a user in front of a host without a scheme.
 */
export function hideInValue(value: string): string {
  if (!value.includes('@') && !value.includes('?')) return value;
  return value
    .replace(userInWord, `$1${hidden}@`)
    .replace(queryInWord, `$1?${hidden}`)
    .replace(bareUser, `$1${hidden}@`);
}
