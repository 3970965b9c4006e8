import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];
export type Paint = (style: Style, text: string) => string;

/** Puts text in a colour where there are colours. */
export const createPaint =
  (color: boolean): Paint =>
  (style, text) =>
    color ? styleText(style, text, { validateStream: false }) : text;

/** The code in `error [USAGE] …` stands out. */
export const paintCode = (text: string, paint: Paint): string =>
  text.replace(/^error \[\w+\]/, (head) => paint(['bold', 'red'], head));
