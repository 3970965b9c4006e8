import { styleText } from 'node:util';
import type { Canvas } from '../question.ts';

type Style = Parameters<typeof styleText>[0];

/** Text in a colour, where the terminal has colours. */
export const paint = ({ color }: Canvas, style: Style, text: string): string =>
  color ? styleText(style, text, { validateStream: false }) : text;
