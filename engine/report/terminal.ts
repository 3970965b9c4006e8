/** What a stream shows: a person at a terminal, or a file or pipe. */
export interface Terminal {
  readonly isTerminal: boolean;
  /** Columns; a file or a pipe has no end. */
  readonly width: number;
  readonly color: boolean;
}

/** A terminal that does not say how wide it is, as some consoles and CI runners do. */
const usualWidth = 80;

type Env = Readonly<Record<string, string | undefined>>;

/** Colours follow NO_COLOR and TERM=dumb, and are for terminals alone. */
export function terminalOf(stream: NodeJS.WritableStream, env: Env): Terminal {
  const { isTTY, columns } = stream as Partial<NodeJS.WriteStream>;
  if (isTTY !== true) return { isTerminal: false, width: Number.POSITIVE_INFINITY, color: false };
  return { isTerminal: true, width: columns || usualWidth, color: !env.NO_COLOR && !isDumb(env) };
}

/** A terminal that only prints: no cursor to move, no colours. */
const isDumb = (env: Env): boolean => env.TERM === 'dumb';

/** Below this a line of the live list has no room for what it says. */
const narrowest = 60;

/** Whether progress may be drawn in place. */
export const isLive = (stream: NodeJS.WritableStream, env: Env): stream is NodeJS.WriteStream => {
  const { isTerminal, width } = terminalOf(stream, env);
  return isTerminal && width >= narrowest && !isDumb(env);
};
