import { createRequire } from 'node:module';

/** The package that contains the engine. Its name is used by the command line, a script and the user agent. */
export const about: { readonly name: string; readonly version: string } = createRequire(import.meta.url)(
  '#package.json',
);
