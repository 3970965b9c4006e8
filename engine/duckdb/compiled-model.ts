import type { Table } from '../schema/table.ts';

/** A model as SQL text, values included. */
export interface CompiledModel {
  readonly name: string;
  readonly table: Table;
  readonly inputsSql: string;
  readonly querySql: string;
  readonly rejectsSql: string | undefined;
  readonly publishedSql: readonly string[];
  /** The tables that these statements may change. */
  readonly writes: readonly Table[];
  /** Tables that its statements read, its own left out. */
  readonly reads: readonly string[];
  readonly readsItself: boolean;
  /** Whether they read `dirty_partitions`. */
  readonly readsDirty: boolean;
  /** Digest of all the text above and of the table's definition. */
  readonly definitionDigest: string;
}
