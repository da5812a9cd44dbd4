import { stripControls } from './sanitise.ts';
import type { Environment, Stream } from './terminal.ts';

export interface Progress {
  /** The state of long work in one line. */
  update(line: string): void;
  /** Takes the line away again, before something else is printed. */
  clear(): void;
}

const quietFor = { terminal: 100, pipe: 10_000 };

/** One line that is redrawn on a terminal that can; elsewhere a plain line every ten seconds. */
export function createProgress(
  stream: Stream,
  now: () => number,
  { TERM }: Environment = {},
): Progress {
  const redraws = stream.isTTY === true && TERM !== 'dumb';
  const interval = redraws ? quietFor.terminal : quietFor.pipe;
  let last = now();
  let shown = false;
  return {
    update(line) {
      if (now() - last < interval) return;
      last = now();
      shown = redraws;
      const text = stripControls(line);
      stream.write(
        redraws ? `\r\u001b[K${text.slice(0, (stream.columns || 80) - 1)}` : `${text}\n`,
      );
    },
    clear() {
      if (shown) stream.write('\r\u001b[K');
      shown = false;
    },
  };
}

/** For `--quiet`. */
export const noProgress: Progress = { update() {}, clear() {} };
