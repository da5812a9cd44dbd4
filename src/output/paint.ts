import { styleText } from 'node:util';
import type { Tone } from '../report.ts';

export interface Screen {
  color: boolean;
  /** Columns of the terminal; absent in a pipe, where tables take the room they need. */
  width?: number | undefined;
  /** Whether the definitions beneath a table are printed (`--explain`). */
  explain?: boolean | undefined;
}

type Style = (text: string) => string;

/** One function for each style that dbops uses. */
export interface Paint {
  bold: Style;
  dim: Style;
  red: Style;
  green: Style;
  yellow: Style;
  cyan: Style;
}

/** Returns styles that colour, or that return the text unchanged; the caller knows the stream. */
export function paintFor({ color }: Pick<Screen, 'color'>): Paint {
  const style = (format: keyof Paint): Style =>
    color ? (text) => styleText(format, text, { validateStream: false }) : (text) => text;
  return {
    bold: style('bold'),
    dim: style('dim'),
    red: style('red'),
    green: style('green'),
    yellow: style('yellow'),
    cyan: style('cyan'),
  };
}

/** Returns the text in the colour of its tone. */
export function tint(paint: Paint, tone: Tone | undefined, text: string): string {
  if (tone === 'good') return paint.green(text);
  if (tone === 'warn') return paint.yellow(text);
  if (tone === 'bad') return paint.red(text);
  return tone === 'dim' ? paint.dim(text) : text;
}
