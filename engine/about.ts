import { readFileSync } from 'node:fs';

/** The package that the engine is part of: a command line, a script and a user agent call themselves by its name. */
export const about: { readonly name: string; readonly version: string } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
);
