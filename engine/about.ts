import { readFileSync } from 'node:fs';

/** The package that contains the engine. Its name is used by the command line, a script and the user agent. */
export const about: { readonly name: string; readonly version: string } = JSON.parse(
  readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
);
