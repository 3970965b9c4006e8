import { defineErrors, type ErrorCode, type ErrorDetails, type PipelineError } from '../engine/index.ts';

/** The error codes that extracts add to the engine's, each with the exit code of a command that fails with it. */
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
 * A `SourceError` as plain data. It can be sent between threads, and a staging thread can create one without loading
 * the engine, which would take each thread longer than staging a thousand files.
 */
export interface Failure {
  readonly code: ErrorCode | keyof typeof sourceExitCodes;
  readonly message: string;
  readonly details: ErrorDetails;
}

export const SourceError = defineErrors(sourceExitCodes);

export const asError = ({ code, message, details }: Failure): PipelineError => new SourceError(code, message, details);
