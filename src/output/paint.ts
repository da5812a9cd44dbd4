import { Chalk, type ChalkInstance } from 'chalk';
import type { Tone } from '../report.ts';

export interface Screen {
  color: boolean;
  /** Columns of the terminal; absent in a pipe, where tables take the room they need. */
  width?: number | undefined;
}

export type Paint = ChalkInstance;

/** Whether to colour is decided per stream, by us: chalk itself does not know NO_COLOR. */
export function paintFor({ color }: Screen): Paint {
  return new Chalk({ level: color ? 1 : 0 });
}

export function tint(paint: Paint, tone: Tone | undefined, text: string): string {
  if (tone === 'good') return paint.green(text);
  if (tone === 'warn') return paint.yellow(text);
  if (tone === 'bad') return paint.red(text);
  return tone === 'dim' ? paint.dim(text) : text;
}
