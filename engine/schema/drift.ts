import { type ErrorDetails, PipelineError } from '../errors.ts';
import { type Change, diffSchemas } from './diff.ts';
import type { Schema } from './table.ts';
import { describeDrift, isStructural } from './words.ts';

/**
 * In what the tables of a schema differ, comments aside. Tables of which the schema knows nothing are nobody's business:
 * people keep notes of their own beside the warehouse's tables.
 */
export function findDrift(live: Schema, wanted: Schema): readonly Change[] {
  const known = Object.fromEntries(Object.entries(live).filter(([name]) => wanted[name] !== undefined));
  return diffSchemas(known, wanted).filter(isStructural);
}

/** @throws PipelineError SCHEMA_DRIFT naming every difference */
export function expectSchema(live: Schema, wanted: Schema, message: string, details: ErrorDetails): void {
  const drift = findDrift(live, wanted);
  if (drift.length === 0) return;
  throw new PipelineError('SCHEMA_DRIFT', `${message}: ${drift.map(describeDrift).join('; ')}`, details);
}
