import { readdirSync } from 'node:fs';

/** Counts the files below a folder whose names end in `extension`. */
export const countFiles = (directory: string, extension: string): number =>
  readdirSync(directory, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(extension)).length;
