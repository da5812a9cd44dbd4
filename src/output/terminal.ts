import { redact } from './sanitise.ts';
import type { Screen } from './paint.ts';

export interface Stream {
  write(text: string): unknown;
  isTTY?: boolean | undefined;
  columns?: number | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Whether to colour, and how wide, for one stream (no-color.org; FORCE_COLOR wins). */
export function screenOf(stream: Stream, environment: Environment): Screen {
  const tty = stream.isTTY === true;
  // A terminal that does not know its width says 0.
  return { color: wantsColor(tty, environment), width: tty ? stream.columns || 80 : undefined };
}

function wantsColor(tty: boolean, { FORCE_COLOR, NO_COLOR, TERM }: Environment): boolean {
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  if (NO_COLOR) return false;
  return tty && TERM !== 'dumb';
}

/** A stream on which none of the secrets, known now or added later, can appear. */
export function redacting(stream: Stream, secrets: readonly string[]): Stream {
  return {
    write: (content) => stream.write(redact(content, secrets)),
    get isTTY() {
      return stream.isTTY;
    },
    get columns() {
      return stream.columns;
    },
  };
}
