import { open } from 'node:fs/promises';

/** Waits until the bytes of a file are on the disk: a rename after it is never seen before them. */
export async function syncFile(file: string): Promise<void> {
  await using handle = await open(file, 'r+');
  await handle.sync();
}
