import type { Warning } from '../extract.ts';
import type { Table } from '../schema/table.ts';
import type { Source } from './partition-map.ts';

/** A model as SQL text with all values inlined. */
export interface CompiledModel {
  readonly name: string;
  readonly table: Table;
  /** The rows of the whole table. */
  readonly querySql: string;
  /** The same query, reading the relation `prunedName` in place of each source that `isPruned`. */
  readonly prunedSql: string;
  /** What the query reads of each table, and to which partitions it matters. */
  readonly sources: readonly Source[];
  /** The digest of each partition's inputs; undefined for a model that is built by the changes of its sources. */
  readonly inputsSql: string | undefined;
  /** Whether the clock may decide which rows there are, and for how many days after a partition's day it does. */
  readonly readsClock: boolean;
  readonly settlesAfter: number | undefined;
  /** Columns that are computed with the clock, which differ from run to run. */
  readonly clockColumns: readonly string[];
  readonly rejectsSql: string | undefined;
  readonly publishedSql: readonly string[];
  /** The tables that the statements may change. */
  readonly writes: readonly Table[];
  /** Tables that the statements read, except the model's own. */
  readonly reads: readonly string[];
  readonly readsItself: boolean;
  /** True if it gives `inputs` and joins `dirty_partitions` to read less. */
  readonly readsDirty: boolean;
  /** Digest of all the SQL above, of the sources and of the table's definition. */
  readonly definitionDigest: string;
}

/** The kinds of warnings that a model which reads staged files can give. */
export const modelWarnings = {
  rejected: 'Key of an archive with a value that cannot be right.',
  damaged: 'Key of an archive whose staged file has changed since it was verified; it is fetched again.',
  not_refetched:
    'Key of a damaged archive that could not be fetched again; its partition is not built, or built without it.',
  extract_failed:
    'Name of an extract that failed when it ran again for a model, to replace rejected or damaged archives.',
} as const;

export type ModelWarning = Warning<keyof typeof modelWarnings>;
