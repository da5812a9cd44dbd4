import type { Stream } from './terminal.ts';

export interface Progress {
  /** The state of long work in one line. */
  update(line: string): void;
  /** Takes the line away again, before something else is printed. */
  clear(): void;
}

const quietFor = { terminal: 100, pipe: 10_000 };

/** One line that is redrawn on a terminal; elsewhere a plain line every ten seconds. */
export function createProgress(stream: Stream, now: () => number): Progress {
  const redraws = stream.isTTY === true;
  const interval = redraws ? quietFor.terminal : quietFor.pipe;
  let last = now();
  let shown = false;
  return {
    update(line) {
      if (now() - last < interval) return;
      last = now();
      shown = redraws;
      stream.write(
        redraws ? `\r\u001b[K${line.slice(0, (stream.columns ?? 80) - 1)}` : `${line}\n`,
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
