import { styleText } from 'node:util';

/** The capabilities of a stream: a terminal, or a file or pipe. */
export interface Terminal {
  readonly isTerminal: boolean;
  /** Columns; unlimited for a file or a pipe. */
  readonly width: number;
  readonly color: boolean;
}

/** The width of a terminal that does not report one, as in some consoles and CI runners. */
const usualWidth = 80;

type Env = Readonly<Record<string, string | undefined>>;

/** Colours are only for terminals, and follow NO_COLOR and TERM=dumb. */
export function terminalOf(stream: NodeJS.WritableStream, env: Env): Terminal {
  const { isTTY, columns } = stream as Partial<NodeJS.WriteStream>;
  if (isTTY !== true) return { isTerminal: false, width: Number.POSITIVE_INFINITY, color: false };
  return { isTerminal: true, width: columns || usualWidth, color: !env.NO_COLOR && !isDumb(env) };
}

/** True for a terminal without cursor movement and colours. */
const isDumb = (env: Env): boolean => env.TERM === 'dumb';

/** The smallest width for a live list. */
const narrowest = 60;

/** True if progress may be drawn in place. */
export const isLive = (stream: NodeJS.WritableStream, env: Env): stream is NodeJS.WriteStream => {
  const { isTerminal, width } = terminalOf(stream, env);
  return isTerminal && width >= narrowest && !isDumb(env);
};

type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => string;

/** Creates a function that colours text, or leaves it as it is if there are no colours. */
export const createPaint =
  (color: boolean): Paint =>
  (style, text) =>
    color ? styleText(style, text, { validateStream: false }) : text;

/** Highlights the code in `error [USAGE] …`. */
export const paintCode = (text: string, paint: Paint): string =>
  text.replace(/^error \[\w+\]/, (head) => paint(['bold', 'red'], head));

/** Characters that take two cells of a terminal, as in 東京 (A22). */
const wide = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]/g;

/** Returns the number of terminal cells that a text takes. */
export const widthOf = (text: string): number => text.length + (text.match(wide)?.length ?? 0);

/** Cuts a text to this many terminal cells; `…` marks the cut. */
export function cutTo(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let cut = '';
  let used = 1; // the `…`
  for (const character of text) {
    used += widthOf(character);
    if (used > width) break;
    cut += character;
  }
  return `${cut.trimEnd()}…`;
}
