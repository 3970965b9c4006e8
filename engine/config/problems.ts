import { type ErrorCode, PipelineError } from '../errors.ts';

/** A position in a file; both are 1-based. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Keys and list indexes that lead to a value. */
export type Path = readonly (string | number)[];

/** One mistake in pipeline.yaml; the message names the offending text. */
export interface Problem {
  readonly code: ErrorCode;
  readonly message: string;
  readonly position: Position;
  readonly path?: Path;
  /** `did you mean X?` or what else to do. */
  readonly hint?: string;
}

const shown = 20;

/** `models.orders.tests[2].unique` */
export function formatPath(path: Path): string {
  return path.map((part, index) => (typeof part === 'number' ? `[${part}]` : index === 0 ? part : `.${part}`)).join('');
}

/** Combines all problems into one error: its message has the first one in the file, then each other on its own line. */
export function problemsError(file: string, problems: readonly Problem[]): PipelineError {
  const sorted = problems.toSorted(
    ({ position: a }, { position: b }) => a.line - b.line || a.column - b.column,
  ) as unknown as readonly [Problem, ...Problem[]];
  const [first, ...others] = sorted;
  const details = { file, ...first.position };
  if (others.length === 0) {
    const { path, hint } = first;
    return new PipelineError(first.code, first.message, {
      ...details,
      ...(path?.length && { key: formatPath(path) }),
      ...(hint !== undefined && { hint }),
    });
  }
  const lines = sorted.slice(0, shown).map(({ message, hint, position }, index) => {
    const text = hint === undefined ? message : `${message} (${hint})`;
    return index === 0 ? text : `  ${file}:${position.line}:${position.column}: ${text}`;
  });
  if (sorted.length > shown) lines.push(`  and ${sorted.length - shown} more`);
  return new PipelineError(first.code, lines.join('\n'), {
    ...details,
    hint: `fix these ${sorted.length} problems and run again`,
  });
}
