import { defineErrors, type ErrorCode, type ErrorDetails, type PipelineError } from '../engine/index.ts';

/** Error codes of extracts besides the engine's, with the exit code of a command that ends with each. */
export const sourceExitCodes = {
  ARCHIVE_RESPONSE: 1,
  EXCHANGE_BANNED: 1,
  EXCHANGE_REFUSED: 1,
  EXCHANGE_FAILED: 1,
  LISTING_INVALID: 1,
  STAGING_DAMAGED: 2,
  OBJECT_REJECTED: 1,
  OBJECT_ABSENT: 1,
  TOO_MANY_FAILED: 1,
  LOCK_INVALID: 2,
  SOURCES_DIFFER: 1,
} as const;

/**
 * A `SourceError` as plain data: it passes between threads, and the threads that stage archives can make one
 * without loading the engine, which would take each of them longer than a thousand files.
 */
export interface Failure {
  readonly code: ErrorCode | keyof typeof sourceExitCodes;
  readonly message: string;
  readonly details: ErrorDetails;
}

export const SourceError = defineErrors(sourceExitCodes);

export const asError = ({ code, message, details }: Failure): PipelineError => new SourceError(code, message, details);
