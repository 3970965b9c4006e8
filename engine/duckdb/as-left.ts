import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { walOf } from '../run/paths.ts';

/**
 * Whether nobody else has written to a database since `noteAsLeft`. Asked before anything is written to it: the file tells
 * by its size and times of change, to the nanosecond (one of them cannot be set), and whoever was killed has left a WAL beside
 * it.
 */
export function isAsLeft(file: string): boolean {
  const note = noteOf(file);
  return !existsSync(walOf(file)) && existsSync(note) && readFileSync(note, 'latin1') === standingOf(file);
}

/** To be called once the database is closed. What cannot be noted, on a full disk say, is a doubt for who opens it next. */
export function noteAsLeft(file: string): void {
  if (isAsLeft(file)) return;
  try {
    writeFileSync(noteOf(file), standingOf(file));
  } catch {
    rmSync(noteOf(file), { force: true });
  }
}

/** The path of the note, beside the database. */
const noteOf = (file: string): string => `${file}.left`;

function standingOf(file: string): string {
  const { ino, size, mtimeNs, ctimeNs } = statSync(file, { bigint: true });
  return `${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}
