import type { z } from 'zod';
import type { Vars } from './config/vars.ts';
import type { UrlAccess } from './secrets.ts';

/** Half-open range of UTC days. */
export interface Window {
  readonly start: Date;
  readonly end: Date;
}

/** The progress of a node; unknown figures are left out. */
export interface Progress {
  readonly done: number;
  readonly total?: number;
  /** The unit of `done`: `files`, `partitions` … */
  readonly unit: string;
  readonly bytes?: number;
  readonly totalBytes?: number;
  readonly records?: number;
  readonly retries?: number;
  readonly rejected?: number;
}

export interface Target {
  readonly name: string;
  /** Not set if pipeline.yaml names none. URLs are without user, password and query; those are in `access`. */
  readonly archive?: string;
  readonly listing?: string;
  readonly access?: { readonly archive?: UrlAccess; readonly listing?: UrlAccess };
  readonly synthetic: boolean;
}

/** The amount that an extract is about to fetch. */
export interface FetchEstimate {
  readonly files: number;
  /** Size of the files as they are in the archive. */
  readonly bytes: number;
  /** Approximate growth of the staging area. */
  readonly diskBytes: number;
}

/** The files of one kind that an extract would fetch, and those of the same kind that are settled. */
export interface PlanRow {
  /** The kind, in the order of the columns: `{ region: 'eu', kind: 'daily', … }`. */
  readonly of: Readonly<Record<string, string>>;
  readonly files: number;
  readonly bytes: number;
  /** Wanted files by reason: `{ new: 30, repair: 1 }`; every row has the same keys. */
  readonly why: Readonly<Record<string, number>>;
  /** Files that need not be fetched, by their earlier outcome: `{ staged: 12 }`; every row has the same keys. */
  readonly settled: Readonly<Record<string, number>>;
}

export interface ExtractPlan extends FetchEstimate {
  readonly rows: readonly PlanRow[];
}

/** Something odd that does not stop a node. */
export interface Warning<Kind extends string = string> {
  readonly kind: Kind;
  /** The subject, exactly as an acknowledgement in pipeline.yaml names it: an archive key, a series. */
  readonly subject: string;
  readonly message: string;
}

export interface ExtractContext<Kind extends string = string> {
  readonly target: Target;
  /** The `with:` block of the node in pipeline.yaml. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly vars: Vars;
  /** The wanted days, look-back included; `undefined` means everything in the archive. */
  readonly window: Window | undefined;
  /** The run's clock. */
  readonly asOf: Date;
  readonly stagingDir: string;
  readonly relist: boolean;
  /** True if all that earlier runs loaded must be loaded again: there is no warehouse, or --full-refresh is set. */
  readonly rebuild: boolean;
  /** The file that says what the sources must be, if the run was started with `--locked`. */
  readonly locked: string | undefined;
  readonly signal: AbortSignal;
  /** The `output` of each extract that this one needs, by name. */
  readonly upstream: ReadonlyMap<string, unknown>;
  progress(progress: Progress): void;
  /**
   * Must be awaited before files are fetched: refuses what cannot fit on the disk, and asks before large amounts.
   * Throws DISK_FULL or NOT_CONFIRMED; nothing may be fetched after that.
   */
  confirm(estimate: FetchEstimate): Promise<void>;
  /** A node with warnings ends as WARN, unless pipeline.yaml acknowledges all of them. */
  warn(warning: Warning<Kind>): void;
  /** Logs something worth knowing that is not odd. */
  info(message: string): void;
  /** Returns one instance per run: created by the first caller, disposed when the run ends. */
  share<T extends AsyncDisposable>(name: string, create: () => Promise<T>): Promise<T>;
}

/** The rows of an extract for one of its tables, handed over by partition so that only changed ones are loaded. */
export interface TableFeed {
  /** Partition (`partitionText` of the values of its columns) → digest of its rows. */
  readonly partitions: ReadonlyMap<string, string>;
  /** Writes the rows of these partitions as CSV: a header of column names; NULL is an empty unquoted field. */
  writeCsv(partitions: ReadonlySet<string>, file: string): Promise<void>;
}

/** The files that a table of kind `source` is read from. */
export interface StagedFiles {
  /** Headerless CSV with every column of the table. */
  readonly batches?: readonly string[];
  /** Files that are read in place; `values` are those of the table's `perFile` columns. */
  readonly inPlace?: readonly { readonly file: string; readonly header: boolean; readonly values: readonly string[] }[];
}

/** A staged file that has changed since it was verified, or is missing. */
export interface DamagedFile {
  readonly key: string;
  /** Partition of the models that read the file. */
  readonly partition: string;
  readonly reason: string;
  /** True if the file is missing; an extract that has run since knows that. */
  readonly isGone: boolean;
}

/** Raw staged files that models read as tables of kind `source`. */
export interface StagedSource {
  /**
   * Makes the rows of these partitions readable and returns the files by table. With `copy`, no file is read in place:
   * line ends and anything else that its reader may stumble over are normalized. Calls `refuse` for a staged
   * archive that must not be read: it is rejected like one whose values proved invalid, and the partitions are opened
   * again.
   */
  open(
    partitions: readonly string[],
    options: {
      readonly tables: readonly string[];
      readonly copy: boolean;
      readonly directory: string;
      readonly signal: AbortSignal;
      readonly refuse: (archive: Rejected) => void;
    },
  ): Promise<Readonly<Record<string, StagedFiles>>>;
  /** Rejects archives whose values proved invalid: they are set aside and not requested again until they change. */
  reject(archives: readonly Rejected[]): Promise<void>;
  /**
   * Returns the damaged ones among the files opened last. Every byte of them is checked while they are read; no rows
   * from them may be published before this has returned.
   */
  damaged?(): Promise<readonly DamagedFile[]>;
  /** Sets damaged files aside, so that the extract fetches them again. */
  discard?(files: readonly DamagedFile[]): Promise<void>;
  /** Counts files that could not be fetched again as failed: their partitions are built without them for now. */
  giveUp?(files: readonly DamagedFile[]): Promise<void>;
}

/** An archive that must not be used. */
export interface Rejected {
  readonly key: string;
  readonly reason: string;
}

export interface ExtractResult {
  /** `no-op`: there was nothing to do. */
  readonly status: 'success' | 'no-op';
  /** Closing figures, in display order: `new`, `unchanged`, `absent` … */
  readonly summary: Readonly<Record<string, number>>;
  /** For the extracts that need this one. */
  readonly output?: unknown;
  /** Kinds whose warnings this run may have missed; their acknowledgements may be needed even if none matched. */
  readonly partlyChecked?: readonly string[];
}

/** The staged data of an extract at the time of the call: the tables that pipeline.yaml lists under `writes:`. */
export interface Staged {
  readonly feeds?: Readonly<Record<string, TableFeed>>;
  /** The source of its tables of kind `source`. */
  readonly source?: StagedSource;
}

/** The files that were deleted. */
export interface Freed {
  readonly files: number;
  readonly bytes: number;
}

/** The result of comparing the archive of a target with what was staged before. */
export type ArchiveMatch =
  /** `text` says how far they agree: `1,204 keys have the same ETags, 1 was re-issued`. */
  | { readonly kind: 'same'; readonly text: string }
  /** `text` names the difference. */
  | { readonly kind: 'other'; readonly text: string }
  /** Nothing is staged yet to compare with. */
  | { readonly kind: 'unknown' };

export interface Extract<Kind extends string = string> {
  /**
   * The options that `with:` may have in pipeline.yaml; without it there are none. They are checked before anything
   * runs, in `ls` too. The message of a custom issue completes a sentence: `be a size such as 64 MiB`.
   */
  readonly options?: z.ZodType;
  /** The kinds of its warnings; each text says what the subject is and why it is odd. */
  readonly warnings?: Readonly<Record<Kind, string>>;
  /**
   * Returns, by kind, subjects that earlier runs warned of and later ones do not although nothing has changed: their
   * acknowledgements are still needed.
   */
  standing?(context: { readonly stagingDir: string }): Readonly<Record<string, readonly string[]>>;
  /**
   * Compares the archive of the target with what is staged, before a run at an address that the target was not built
   * from. An extract that keeps nothing to compare leaves it out; then no other address is accepted.
   */
  sameArchive?(context: ExtractContext): Promise<ArchiveMatch>;
  /**
   * Called when a run starts, before the warehouse is opened or anything is awaited. It may begin to request what `run`
   * will need, or work on its own thread, and shares the result by `context.share`; a failure is reported when `run`
   * requests the same.
   */
  prepare?(context: ExtractContext): Promise<void>;
  /** Fetches from the archive into the staging area. */
  run(context: ExtractContext<Kind>): Promise<ExtractResult>;
  /**
   * Returns what `run` would fetch, without fetching or writing anything. An extract without it is cheap: it is run, so
   * that the extracts that need it can plan from its output.
   */
  plan?(context: ExtractContext): Promise<ExtractPlan>;
  /** Returns the staged rows. Called after `run`, or alone when a model is built from an earlier run's files. */
  staged(context: {
    readonly stagingDir: string;
    readonly asOf: Date;
    /** The `output` of `run`, if it was part of this run. */
    readonly output?: unknown;
  }): Promise<Staged>;
  /**
   * Called at the end of a run. `partitions` returns the partitions of its sources that every model reading them has
   * published as they are staged now: until something changes, their files are not requested.
   */
  published?(context: {
    readonly stagingDir: string;
    readonly options: ExtractContext['options'];
    readonly vars: Vars;
    readonly partitions: () => Promise<ReadonlySet<string>>;
  }): Promise<Freed>;
  /**
   * Called by `publish`: writes to the folder `to` what a target elsewhere needs to go on from here, as it would be if
   * the staged files of the published `partitions` had been removed. It becomes the staging area of that target.
   */
  records?(context: {
    readonly stagingDir: string;
    readonly to: string;
    readonly partitions: () => Promise<ReadonlySet<string>>;
  }): Promise<void>;
  /** `clean --staging`: removes files that it can fetch again, and keeps what it knows about them. */
  clean?(context: { readonly stagingDir: string; readonly signal: AbortSignal }): Promise<Freed>;
}

/** The default export of an extract module. */
export const defineExtract = <const Kind extends string = never>(extract: Extract<Kind>): Extract =>
  Object.freeze(extract) as Extract;
