import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';

/**
 * Whether nobody else has written to a database since `noteAsLeft`. Asked while it is closed: the file then tells by its
 * size and time of change, to the nanosecond, and whoever was killed left a WAL beside it.
 */
export function isAsLeft(file: string): boolean {
  const note = noteOf(file);
  return existsSync(note) && readFileSync(note, 'latin1') === standingOf(file);
}

/** What cannot be noted, on a full disk say, is a doubt for the next to open the file. */
export function noteAsLeft(file: string): void {
  if (isAsLeft(file)) return;
  try {
    writeFileSync(noteOf(file), standingOf(file));
  } catch {
    rmSync(noteOf(file), { force: true });
  }
}

/** The path of the note, beside the database. */
export const noteOf = (file: string): string => `${file}.left`;

function standingOf(file: string): string {
  const stats = statSync(file, { bigint: true, throwIfNoEntry: false });
  const wal = existsSync(`${file}.wal`) ? 'with a WAL' : '';
  return stats === undefined ? 'none' : `${stats.ino} ${stats.size} ${stats.mtimeNs} ${wal}`;
}
