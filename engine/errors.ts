import { distance } from 'fastest-levenshtein';
import { hideInValue, hideSecrets, hideUsers } from './secrets.ts';

/**
 * Every engine error that a user can meet, with the exit code of a command that ends with it; a project adds its own
 * with `defineErrors`. docs/errors.md has a row for each; a check keeps the two lists equal.
 */
export const exitCodeOf = {
  USAGE: 2,
  CONFIG_SYNTAX: 2,
  CONFIG_INVALID: 2,
  CONFIG_REFERENCE: 2,
  CONFIG_CYCLE: 2,
  VAR_INVALID: 2,
  SEED_INVALID: 2,
  SELECTION_EMPTY: 2,
  MODULE_INVALID: 2,
  NEEDS_MISMATCH: 2,
  SOURCES_INVALID: 2,
  TABLE_MISSING: 2,
  WAREHOUSE_MISSING: 2,
  WAREHOUSE_LOCKED: 2,
  WAREHOUSE_UNREADABLE: 2,
  WAREHOUSE_LOST: 2,
  ARCHIVE_DIFFERS: 2,
  ARTIFACT_INVALID: 2,
  WAREHOUSE_ALTERED: 1,
  RUN_LOCKED: 2,
  RUN_LOCK_INVALID: 2,
  NOT_CONFIRMED: 2,
  SCHEMA_DRIFT: 1,
  SCHEMA_OUTDATED: 2,
  SCHEMA_NEWER: 2,
  MIGRATION_CHANGED: 2,
  MIGRATION_DESTRUCTIVE: 2,
  MIGRATION_FAILED: 1,
  MIGRATION_RELEASED: 2,
  ARCHIVE_UNREACHABLE: 1,
  ARCHIVE_REFUSED: 1,
  MODEL_FAILED: 1,
  TEST_FAILED: 1,
  EXPORT_FAILED: 1,
  NOT_PUBLISHABLE: 2,
  PUBLISH_CONFLICT: 1,
  PUBLICATION_BLOCKED: 2,
  PUBLICATION_MISSING: 2,
  PUBLICATION_OUTDATED: 2,
  PUBLICATION_UNREADABLE: 2,
  STORE_REFUSED: 2,
  STORE_FULL: 1,
  STORE_UNREACHABLE: 1,
  TARGET_NOT_EMPTY: 2,
  DISK_FULL: 1,
  DISK_FAILED: 1,
  READ_ONLY: 2,
  PERMISSION_DENIED: 2,
  NAME_TOO_LONG: 2,
  PATH_INVALID: 2,
  TOO_MANY_FILES: 2,
  OUT_OF_MEMORY: 1,
  INTERRUPTED: 130,
  NODE_OUTDATED: 2,
  INTERNAL: 1,
} as const;

export type ErrorCode = keyof typeof exitCodeOf;

/** Where an error happened and what to do about it; only the fields that apply are set. */
export interface ErrorDetails {
  readonly file?: string;
  /** 1-based. */
  readonly line?: number;
  /** 1-based. */
  readonly column?: number;
  readonly key?: string;
  readonly value?: string;
  /** Without user, password and any query given by the user; the query of a request may stay. */
  readonly url?: string;
  readonly status?: number;
  readonly attempt?: number;
  /** What the reader can do next, as one sentence. It may show how a URL is written, so it must not contain a value. */
  readonly hint?: string;
  readonly cause?: unknown;
}

/** Never shows a secret of a URL, not even in its stack. */
export class PipelineError extends Error {
  override readonly name = 'PipelineError';
  readonly code: string;
  readonly details: ErrorDetails;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(hideSecrets(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.details = withoutSecrets(details);
  }

  get exitCode(): number {
    return exitCodeOf[this.code as ErrorCode];
  }
}

/**
 * Returns an error class for a project that takes the engine's codes and the project's own, which are given with their
 * exit codes.
 */
export function defineErrors<const Own extends Readonly<Record<string, number>>>(exitCodes: Own) {
  return class extends PipelineError {
    static readonly exitCodes: Readonly<Record<string, number>> = exitCodes;

    constructor(code: ErrorCode | (keyof Own & string), message: string, details: ErrorDetails = {}) {
      super(code as ErrorCode, message, details);
    }

    override get exitCode(): number {
      return exitCodes[this.code] ?? super.exitCode;
    }
  };
}

function withoutSecrets(details: ErrorDetails): ErrorDetails {
  const { file, key, value, url } = details;
  return {
    ...details,
    ...(file !== undefined && { file: hideInValue(file) }),
    ...(key !== undefined && { key: hideInValue(key) }),
    ...(value !== undefined && { value: hideInValue(value) }),
    ...(url !== undefined && { url: hideUsers(url) }),
  };
}

/** Formats `file:line:column: message`, as far as they are known, then the hint on its own line. */
export function formatError(error: unknown, options: { debug?: boolean } = {}): string {
  if (!(error instanceof PipelineError)) {
    const text = error instanceof Error ? error.message : String(error);
    const stack = options.debug && error instanceof Error ? `\n${error.stack}` : '';
    return hideSecrets(
      `error [INTERNAL] ${text}${stack || '\n  next: run again with --debug and report what it prints'}`,
    );
  }
  const { file, line, column, key, value, url, status, attempt, hint } = error.details;
  const place = file === undefined ? '' : `${[file, line, column].filter((part) => part !== undefined).join(':')}: `;
  const facts = Object.entries({ key, value, url, status, attempt })
    .filter(([, fact]) => fact !== undefined)
    .map(([name, fact]) => `  ${name}: ${fact}`);
  const lines = [`error [${error.code}] ${place}${error.message}`, ...facts];
  if (hint !== undefined) lines.push(`  next: ${hint}`);
  if (options.debug && error.stack) lines.push(error.stack);
  return lines.join('\n');
}

export function isAbort(error: unknown): boolean {
  return (
    (error instanceof Error && error.name === 'AbortError') ||
    (error instanceof PipelineError && error.code === 'INTERRUPTED')
  );
}

/** Returns `did you mean X?` for the closest of `names`, or undefined if none is close. */
export function closest(text: string, names: Iterable<string>): string | undefined {
  let best: { name: string; edits: number } | undefined;
  for (const name of names) {
    const edits = distance(text.toLowerCase(), name.toLowerCase());
    if (best === undefined || edits < best.edits) best = { name, edits };
  }
  if (best === undefined || best.edits > Math.max(2, Math.floor(best.name.length / 3))) return undefined;
  return `did you mean ${best.name}?`;
}
