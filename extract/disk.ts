import { diskError } from '../engine/index.ts';
import { replaceFile } from './staging/write.ts';

/** Writes aside and renames, so that `file` is there whole or not at all. Throws DISK_FULL. */
export function writeWhole(file: string, data: string | Uint8Array): void {
  try {
    replaceFile(file, data);
  } catch (error) {
    throw diskError(error, file);
  }
}
