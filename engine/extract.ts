import type { Vars } from './config/vars.ts';
import type { UrlAccess } from './secrets.ts';

/** Half-open range of UTC days. */
export interface Window {
  readonly start: Date;
  readonly end: Date;
}

/** How far a node is; what is unknown is left out. */
export interface Progress {
  readonly done: number;
  readonly total?: number;
  /** What `done` counts: `files`, `partitions` … */
  readonly unit: string;
  readonly bytes?: number;
  readonly totalBytes?: number;
  readonly records?: number;
  readonly retries?: number;
  readonly rejected?: number;
}

export interface Target {
  readonly name: string;
  /** URLs are without user, password and query, which `access` has. */
  readonly archive: string;
  readonly listing?: string;
  readonly access?: { readonly archive?: UrlAccess; readonly listing?: UrlAccess };
  readonly synthetic: boolean;
}

/** What an extract is about to fetch. */
export interface FetchEstimate {
  readonly files: number;
  /** Of the files as the archive has them. */
  readonly bytes: number;
  /** What the staging area grows by, about. */
  readonly diskBytes: number;
}

/** Files of one kind that an extract would fetch, and those of the same kind that are settled. */
export interface PlanRow {
  /** What they are files of, in the order of the columns: `{ region: 'eu', kind: 'daily', … }`. */
  readonly of: Readonly<Record<string, string>>;
  readonly files: number;
  readonly bytes: number;
  /** How many are wanted why: `{ new: 30, repair: 1 }`; every row has the same keys. */
  readonly why: Readonly<Record<string, number>>;
  /** How many need not be fetched, by what became of them before: `{ staged: 12 }`; the same keys in every row. */
  readonly settled: Readonly<Record<string, number>>;
}

export interface ExtractPlan extends FetchEstimate {
  readonly rows: readonly PlanRow[];
}

/** Something odd that does not stop a node. */
export interface Warning<Kind extends string = string> {
  readonly kind: Kind;
  /** What it is about, exactly as an acknowledgement in pipeline.yaml names it: an archive key, a series. */
  readonly subject: string;
  readonly message: string;
}

export interface ExtractContext<Kind extends string = string> {
  readonly target: Target;
  /** The `with:` block of the node in pipeline.yaml. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly vars: Vars;
  /** Days that are wanted, look-back included; `undefined` is everything the archive has. */
  readonly window: Window | undefined;
  /** The run's clock. */
  readonly asOf: Date;
  readonly stagingDir: string;
  readonly relist: boolean;
  /** What earlier runs loaded has to be loaded again: there is no warehouse, or --full-refresh. */
  readonly rebuild: boolean;
  /** File that says what the sources must be, where the run was told to demand it. */
  readonly locked: string | undefined;
  readonly signal: AbortSignal;
  /** What the extracts that this one needs returned as `output`, by name. */
  readonly upstream: ReadonlyMap<string, unknown>;
  progress(progress: Progress): void;
  /**
   * To be awaited before files are fetched: refuses what cannot fit on the disk, and asks before large amounts.
   * Throws DISK_FULL or NOT_CONFIRMED; then nothing may be fetched.
   */
  confirm(estimate: FetchEstimate): Promise<void>;
  /** A node that has warned ends as WARN, unless pipeline.yaml acknowledges all of its warnings. */
  warn(warning: Warning<Kind>): void;
  /** Logs what is worth knowing and not odd. */
  info(message: string): void;
  /** One instance a run: made by the first caller, disposed when the run ends. */
  share<T extends AsyncDisposable>(name: string, create: () => Promise<T>): Promise<T>;
}

/** The rows that an extract has for one of its tables, handed over by partition so that only what changed is loaded. */
export interface TableFeed {
  /** Partition (`partitionText` of the values of its columns) → digest of its rows. */
  readonly partitions: ReadonlyMap<string, string>;
  /** Writes the rows of these partitions as CSV: a header with the table's column names, NULL as an empty unquoted field. */
  writeCsv(partitions: ReadonlySet<string>, file: string): Promise<void>;
}

/** The files that a table of kind `source` is read from. */
export interface StagedFiles {
  /** Headerless CSV with every column of the table. */
  readonly batches?: readonly string[];
  /** Files that are read where they lie; `values` are those of the columns that the table has `perFile`. */
  readonly inPlace?: readonly { readonly file: string; readonly header: boolean; readonly values: readonly string[] }[];
}

/** A staged file that is not what it was when it was verified, or is there no more. */
export interface DamagedFile {
  readonly key: string;
  /** Partition of the models that read it. */
  readonly partition: string;
  readonly reason: string;
  /** It is not there: an extract that has run since knows that. */
  readonly isGone: boolean;
}

/** Raw staged files that models read as tables of kind `source`. */
export interface StagedSource {
  /**
   * Makes the rows of these partitions readable: files by table. Where `copy` is set, no file is read where it lies: line
   * ends and whatever else its reader may stumble over are evened out. Takes `refuse` for an archive that must not be read
   * although it is staged: it is rejected as one whose values gave it away, and the partitions are opened again.
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
  /** Takes what the values of an archive gave away: it is kept aside and not asked for again until it changes. */
  reject(archives: readonly Rejected[]): Promise<void>;
  /**
   * Those of the files opened last that are damaged. Every byte of them is looked at while they are read; nothing may be
   * published of their rows before this has answered.
   */
  damaged?(): Promise<readonly DamagedFile[]>;
  /** Puts damaged files aside, so that the extract fetches them again. */
  discard?(files: readonly DamagedFile[]): Promise<void>;
  /** Has files that could not be fetched again count as failed, so that their partitions are built without them for now. */
  giveUp?(files: readonly DamagedFile[]): Promise<void>;
}

/** An archive that is not to be believed. */
export interface Rejected {
  readonly key: string;
  readonly reason: string;
}

export interface ExtractResult {
  /** `no-op`: there was nothing to do. */
  readonly status: 'success' | 'no-op';
  /** Closing figures, in the order they are shown: `new`, `unchanged`, `absent` … */
  readonly summary: Readonly<Record<string, number>>;
  /** For the extracts that need this one. */
  readonly output?: unknown;
  /** Kinds of which this run may have missed warnings, so that an acknowledgement that matched none may still be needed. */
  readonly partlyChecked?: readonly string[];
}

/** What an extract has staged, as of the call: the tables that pipeline.yaml lists under `writes:`. */
export interface Staged {
  readonly feeds?: Readonly<Record<string, TableFeed>>;
  /** Of its tables of kind `source`. */
  readonly source?: StagedSource;
}

/** Files that are there no more. */
export interface Freed {
  readonly files: number;
  readonly bytes: number;
}

/** How the archive of a target compares with what was staged before. */
export type ArchiveMatch =
  /** `text` says how far they agree: `1,204 keys have the same ETags, 1 was re-issued`. */
  | { readonly kind: 'same'; readonly text: string }
  /** `text` names what tells them apart. */
  | { readonly kind: 'other'; readonly text: string }
  /** Nothing is staged yet that could be compared. */
  | { readonly kind: 'unknown' };

export interface Extract<Kind extends string = string> {
  /** The kinds of its warnings; each text says what the subject is and what is odd about it. */
  readonly warnings?: Readonly<Record<Kind, string>>;
  /**
   * Subjects that earlier runs warned of and later ones do not, although nothing has changed: their acknowledgements are
   * still needed. By kind.
   */
  standing?(context: { readonly stagingDir: string }): Readonly<Record<string, readonly string[]>>;
  /**
   * Compares the archive of the target with what is staged, before a run at an address that the target was not built from.
   * An extract that keeps nothing to compare has none; then no other address is accepted.
   */
  sameArchive?(context: ExtractContext): Promise<ArchiveMatch>;
  /**
   * Told when a run that it is part of begins, before the warehouse was looked at and whatever it has to wait for. It may
   * begin to ask what it will need, or work on a thread of its own, shared with `run` by `context.share`; what fails is told
   * when `run` asks for the same.
   */
  prepare?(context: ExtractContext): Promise<void>;
  /** Archive → staging area. */
  run(context: ExtractContext<Kind>): Promise<ExtractResult>;
  /**
   * What `run` would fetch, told without fetching or writing anything. An extract without it is cheap: it is run, so
   * that those that need it can plan from its output.
   */
  plan?(context: ExtractContext): Promise<ExtractPlan>;
  /** Staging area → rows. Called after `run`, and alone when a model is built from what an earlier run staged. */
  staged(context: {
    readonly stagingDir: string;
    readonly asOf: Date;
    /** What `run` has returned as `output`, where it was part of this run. */
    readonly output?: unknown;
  }): Promise<Staged>;
  /**
   * Told at the end of a run that it was part of. `partitions` answers those of its sources which every model that reads
   * them has published as they are staged now: until something changes, nobody asks for their files.
   */
  published?(context: {
    readonly stagingDir: string;
    readonly options: ExtractContext['options'];
    readonly vars: Vars;
    readonly partitions: () => Promise<ReadonlySet<string>>;
  }): Promise<Freed>;
  /** `clean --staging`: removes the files that it can fetch again, and keeps what it knows about them. */
  clean?(context: { readonly stagingDir: string; readonly signal: AbortSignal }): Promise<Freed>;
}

/** The default export of an extract module. */
export const defineExtract = <const Kind extends string = never>(extract: Extract<Kind>): Extract =>
  Object.freeze(extract) as Extract;
