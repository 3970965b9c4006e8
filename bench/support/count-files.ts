import { readdirSync } from 'node:fs';

/** Files below a folder whose name ends in `extension`. */
export const countFiles = (directory: string, extension: string): number =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(extension)).length;
