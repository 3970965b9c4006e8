import type { Environment } from '../config/target.ts';
import { PipelineError } from '../errors.ts';

/** A file on this machine that is to be stored. */
export interface LocalFile {
  readonly file: string;
  readonly size: number;
  /** SHA-256, hexadecimal. */
  readonly sha256: string;
}

/** A small file that was read whole. `tag` identifies this content of it in `replace`. */
export interface ReadFile {
  readonly bytes: Buffer;
  readonly tag: string;
}

/**
 * Where publications are kept. Paths are relative, with `/`. Files are complete or absent, and never change but for the
 * one that `replace` switches. Every method throws STORE_REFUSED, STORE_FULL, STORE_UNREACHABLE, or the errors of a disk.
 */
export interface Store {
  /** For messages; without secrets. */
  readonly address: string;
  read(path: string): Promise<ReadFile | undefined>;
  /** Fetches a file to this path; false if there is none. What arrives is not verified. */
  fetch(path: string, file: string): Promise<boolean>;
  /**
   * Stores a file under a new name; a file with the same content that is already there is left.
   * @throws PipelineError PUBLICATION_BLOCKED if another file has the name
   */
  add(path: string, file: LocalFile): Promise<void>;
  /** The same for a stored file, without sending it again. */
  copy(from: string, path: string, file: Pick<LocalFile, 'size' | 'sha256'>): Promise<void>;
  /** Writes a file if it still has this tag, or if there is none yet; false if it has changed meanwhile. */
  replace(path: string, bytes: Buffer, tag: string | undefined): Promise<boolean>;
  /** Returns the paths of all files below a folder, in order. */
  list(folder: string): Promise<readonly string[]>;
  /** Returns the names of what is directly in a folder, in order. */
  names(folder: string): Promise<readonly string[]>;
  remove(paths: readonly string[]): Promise<void>;
}

export interface StoreOptions {
  readonly env: Environment;
  readonly signal: AbortSignal;
  /** Relative folders begin here. */
  readonly cwd: string;
}

/** The error for a name that another file has. */
export const blocked = (path: string, address: string): PipelineError =>
  new PipelineError('PUBLICATION_BLOCKED', `${path} is already there with other contents; nothing was switched`, {
    file: address,
    hint: 'look at the file: if another program wrote it, move it away and publish again; if an interrupted publication did, run the target and publish that run',
  });
