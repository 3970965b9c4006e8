import type { ErrorCode, ErrorDetails } from '../engine/index.ts';

/**
 * A `PipelineError` as plain data: it passes between threads, and the threads that stage archives can make one
 * without loading the engine, which would take each of them longer than a thousand files.
 */
export interface Failure {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details: ErrorDetails;
}
