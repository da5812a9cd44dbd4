import { stripControls } from './sanitise.ts';
import type { Environment, Stream } from './terminal.ts';

export interface Progress {
  /** Sets the line that describes the work that runs now. */
  update(line: string): void;
  /** Prints something above the line. */
  above(print: () => void): void;
  /** Removes the line when its work is finished. */
  clear(): void;
}

/** Milliseconds between two lines. */
const intervals = { terminal: 100, pipe: 10_000 };

/**
 * Returns a line that is redrawn on a terminal that can, and is printed every ten seconds elsewhere.
 * The newest line is shown at the end of the interval, so that it always names the work that runs
 * now; work that ends within the interval shows nothing.
 */
export function createProgress(
  stream: Stream,
  now: () => number,
  { TERM }: Environment = {},
): Progress {
  const redraws = stream.isTTY === true && TERM !== 'dumb';
  const interval = redraws ? intervals.terminal : intervals.pipe;
  let last = now();
  let isShown = false;
  let current: string | undefined;
  let timer: NodeJS.Timeout | undefined;

  function show() {
    timer = undefined;
    if (current === undefined) return;
    last = now();
    isShown = redraws;
    const width = (stream.columns || 80) - 1;
    stream.write(redraws ? `\r\u001b[K${cut(current, width)}` : `${current}\n`);
  }
  function schedule() {
    const wait = last + interval - now();
    if (timer === undefined && wait <= 0) show();
    else timer ??= setTimeout(show, wait).unref();
  }
  function wipe() {
    if (isShown) stream.write('\r\u001b[K');
    isShown = false;
  }
  return {
    update(line) {
      current = stripControls(line);
      schedule();
    },
    above(print) {
      const isRedrawn = isShown;
      wipe();
      print();
      if (isRedrawn) schedule();
    },
    clear() {
      clearTimeout(timer);
      timer = undefined;
      current = undefined;
      wipe();
    },
  };
}

/** Returns the line cut between words, so that it takes no second one. */
function cut(line: string, columns: number): string {
  if (line.length <= columns) return line;
  const kept = line.slice(0, columns - 1);
  return `${kept.slice(0, kept.lastIndexOf(' ') + 1) || kept}…`;
}

/** For `--quiet`. */
export const noProgress: Progress = { update() {}, above: (print) => print(), clear() {} };
