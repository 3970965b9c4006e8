/** Longer names fit no file system once an archive's name is made of them; the longest real one has 26 characters. */
const longestBytes = 100;
/** What could leave a folder, and what would break a line that begins with a key. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const unsafe = /[\u0000-\u001f\u007f-\u009f/\\,]|^\.$|\.\./;

export interface Symbols {
  readonly symbols: readonly string[];
  /** Names that are no symbol of any exchange and would be dangerous as one, quoted. */
  readonly refused: readonly string[];
}

/**
 * The symbols among the common prefixes below `parent`. Empty names and the echo of the parent are no symbols (A26);
 * names with `..`, slashes, commas, control characters, and absurdly long ones are refused.
 */
export function symbolsOf(parent: string, prefixes: readonly string[]): Symbols {
  const symbols: string[] = [];
  const refused: string[] = [];
  for (const prefix of prefixes) {
    const name = prefix.slice(parent.length, -1);
    if (name === '') continue;
    if (Buffer.byteLength(name) <= longestBytes && !unsafe.test(name)) symbols.push(name);
    else refused.push(JSON.stringify(name.slice(0, longestBytes)));
  }
  return { symbols: [...new Set(symbols)], refused };
}
