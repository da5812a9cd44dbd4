import { redact } from './sanitise.ts';
import type { Screen } from './paint.ts';

export interface Stream {
  write(text: string): unknown;
  /** Writes UTF-8 without decoding it; absent where only text can be written. */
  writeBytes?(bytes: Uint8Array): unknown;
  /**
   * Resolves when what was written has left the process, or when it cannot; returns whether the reader takes
   * more. Absent where nothing waits.
   */
  flow?(): Promise<boolean>;
  isTTY?: boolean | undefined;
  columns?: number | undefined;
}

export type Environment = Readonly<Record<string, string | undefined>>;

/** Texts one of which precedes every password that `redact` recognizes by its form. */
const beforeSecrets = [':/', 'password=', 'PASSWORD=', 'Password='];

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

interface Streams {
  stdout: Stream;
  stderr: Stream;
}

/** Returns the same with streams on which none of its secrets can appear. */
export function withSecrets<T extends Streams>(outer: T): T & { secrets: string[] } {
  const secrets: string[] = [];
  return {
    ...outer,
    secrets,
    stdout: redacting(outer.stdout, secrets),
    stderr: redacting(outer.stderr, secrets),
  };
}

/** A stream on which none of the secrets, known now or added later, can appear. */
function redacting(stream: Stream, secrets: readonly string[]): Stream {
  const write = (content: string) => stream.write(redact(content, secrets));
  return {
    write,
    writeBytes(bytes) {
      const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const isSafe = ![...secrets, ...beforeSecrets].some((each) => buffer.includes(each));
      return isSafe && stream.writeBytes ? stream.writeBytes(bytes) : write(buffer.toString());
    },
    flow: async () => (await stream.flow?.()) ?? true,
    get isTTY() {
      return stream.isTTY;
    },
    get columns() {
      return stream.columns;
    },
  };
}
