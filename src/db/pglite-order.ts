import type { EmbeddedExtensions } from './pglite-extensions.ts';

/** What the process of an embedded database is told before it opens one. */
export interface Order {
  /** `null`: in memory. */
  directory: string | null;
  /** The archive of an empty cluster; `null`: the engine makes one, which takes seconds. */
  template: string | null;
  extensions: EmbeddedExtensions;
  /** Somebody ends the process when dbops has ended. */
  isGuarded: boolean;
}

/** File descriptors of that process. */
export const channels = {
  /** Nothing is ever written to it: it ends when dbops does. */
  life: 0,
  /** The last words. */
  words: 2,
  /**
   * The order, a line of JSON; then the wire protocol in both directions until Terminate; then, from
   * the engine, `free`, and the next order.
   */
  wire: 3,
};

/** What the engine writes when its database is closed and it can open another one. */
export const free = Buffer.from('free\n');

/** Whether these bytes are exactly that. */
export function isFree(bytes: Uint8Array): boolean {
  return free.equals(bytes);
}
