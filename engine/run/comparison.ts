import type { Pipeline } from '../config/load.ts';
import { diffSchemas } from '../schema/diff.ts';
import type { Schema } from '../schema/table.ts';
import { describeDrift } from '../schema/words.ts';
import type { TargetPaths } from './paths.ts';

/** Something that must agree with the definition, and in what it does not. */
export interface Comparison {
  readonly subject: string;
  readonly differences: readonly string[];
  /** The target's warehouse, where migrations are still to come. */
  readonly isOutdated?: boolean;
}

export interface CompareOptions {
  readonly pipeline: Pipeline;
  readonly paths: TargetPaths;
  /** Any DuckDB or Parquet file, in the place of the target's warehouse. */
  readonly database: string | undefined;
  readonly signal: AbortSignal;
}

export const differencesOf = (found: Schema, schema: Schema): readonly string[] =>
  diffSchemas(found, schema).map(describeDrift);
