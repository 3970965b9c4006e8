import type { Expression } from 'kysely';
import { literal, type NullOf, type Operand, type Value, word } from './value.ts';

type Text = string | null;

type NullOfAny<Texts extends readonly unknown[]> = {
  [At in keyof Texts]: Texts[At] extends Expression<infer One> ? NullOf<One> : never;
}[number];

/** The texts one after the other; NULL if one of them is. */
export function concat<const Texts extends readonly [Operand<Text>, ...Operand<Text>[]]>(
  ...texts: Texts
): Value<string | NullOfAny<Texts>> {
  const [first, ...rest] = texts.map((text) => (typeof text === 'string' ? literal(text) : text));
  return rest.reduce(
    (joined, next) => word('concat', joined as Expression<Text>, next as Expression<Text>),
    first,
  ) as Value<never>;
}

/** The texts with a separator between them; NULL is left out. */
export const joinTexts = (separator: string, ...texts: readonly Expression<Text>[]): Value<string> =>
  word('join_texts', separator, ...texts);

/** Replaces every occurrence. */
export const replace = <T extends Text>(text: Expression<T>, search: string, by: string): Value<string | NullOf<T>> =>
  word('replace', text, search, by);

/** Replaces what a regular expression finds first. */
export const replacePattern = <T extends Text>(
  text: Expression<T>,
  pattern: string,
  by: string,
): Value<string | NullOf<T>> => word('replace_pattern', text, pattern, by);

/** True if a regular expression finds something in the text. */
export const hasPattern = <T extends Text>(text: Expression<T>, pattern: string): Value<boolean | NullOf<T>> =>
  word('has_pattern', text, pattern);

/** The match of the first group of a regular expression; the empty text if there is none. */
export const extractPattern = <T extends Text>(text: Expression<T>, pattern: string): Value<string | NullOf<T>> =>
  word('extract_pattern', text, pattern);

/** True if a pattern with `*`, `?` and `[a-z]` describes the whole text. */
export const hasGlob = <T extends Text>(
  text: Expression<T>,
  pattern: string | Expression<string>,
): Value<boolean | NullOf<T>> =>
  typeof pattern === 'string'
    ? word('has_glob', text, pattern, patternOfGlob(pattern))
    : word('has_glob', text, pattern, concat('^(?s:', replace(pattern, '*', '.*'), ')$'));

/** For engines without GLOB, the regular expression that says the same. */
const patternOfGlob = (glob: string): string =>
  `^${glob.replace(/\[[^\]]+\]|[\s\S]/g, (part) => {
    if (part === '*') return '(?s:.*)';
    if (part === '?') return '(?s:.)';
    return part.length > 1
      ? part.replace('[!', '[^').replaceAll('\\', '\\\\')
      : part.replace(/[\\^$.|+()[\]{}]/, '\\$&');
  })}$`;

/** The nth part, from 1, of a text that a separator divides; the empty text if there is none. */
export const partOf = <T extends Text>(text: Expression<T>, separator: string, n: number): Value<string | NullOf<T>> =>
  word('part_of', text, separator, n);

/** How many characters a text has. */
export const characters = <T extends Text>(text: Expression<T>): Value<bigint | NullOf<T>> => word('characters', text);

/** The first characters of a text. */
export const firstCharacters = <T extends Text, N extends bigint | null>(
  text: Expression<T>,
  count: Expression<N>,
): Value<string | NullOf<T | N>> => word('first_characters', text, count);

/** The characters of a text from the nth on, counted from 1. */
export const charactersFrom = <T extends Text, N extends bigint | null>(
  text: Expression<T>,
  n: Expression<N>,
): Value<string | NullOf<T | N>> => word('characters_from', text, n);

export const endsWith = <T extends Text, E extends Text>(
  text: Expression<T>,
  end: Operand<E>,
): Value<boolean | NullOf<T | E>> => word('ends_with', text, end);

/** As in the path of a URL: a space is `%20`. */
export const percentEncode = <T extends Text>(text: Expression<T>): Value<string | NullOf<T>> =>
  word('percent_encode', text);

/** Opaque: two rows with the same values have the same one. */
export interface Hash {
  readonly sqlType: 'HASH';
}

export const rowHash = (...columns: readonly Expression<unknown>[]): Value<Hash> => word('row_hash', ...columns);

/** Digest of a group's rows over these columns, independent of row order; `0` for no rows. */
export const rowsDigest = (...columns: readonly Expression<unknown>[]): Value<string> =>
  word('rows_digest', ...columns);
