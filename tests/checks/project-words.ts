import { lineAt, readFiles } from './files.ts';

/** Words of this project: its name, the exchange, and the contents of its pipeline.yaml and tables. */
const words =
  /klinehouse|binance|kline|\bsymbols?\b|timeframe|collect.?volume|exchange|futures|ohlcv|rankings?|availability|usdt|grace.?days/gi;

/**
 * The engine contains no words of the project that it runs: flags, hints and errors of its own are declared outside.
 */
export async function checkProjectWords(root: string): Promise<readonly string[]> {
  const files = await readFiles(root, ['engine/**/*.{js,json,ts}']);
  return files.flatMap(({ path, text }) =>
    [...text.matchAll(words)]
      // JavaScript's own words.
      .filter(({ 0: word, index }) => !(word === 'Symbol' && text[index + word.length] === '.'))
      .map(
        ({ 0: word, index }) => `${path}:${lineAt(text, index)}: says ${word}; the engine does not know the project`,
      ),
  );
}
