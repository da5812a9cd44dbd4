import type { EmbeddedExtensions } from './pglite-extensions.ts';

/** The instructions for the process of an embedded database. */
export interface Order {
  /** `null`: in memory. */
  directory: string | null;
  /** The archive of an empty cluster; `null`: the engine runs initdb, which takes seconds. */
  template: string | null;
  extensions: EmbeddedExtensions;
  /** Whether another process kills the engine when dbops has ended. */
  isGuarded: boolean;
}

/** File descriptors of that process. */
export const channels = {
  /** Never written to: it ends when dbops does. */
  life: 0,
  /** The last messages of the engine. */
  words: 2,
  /** The instructions, a line of JSON; then the wire protocol in both directions. */
  wire: 3,
};

/** What the engine writes when its database is closed and it can open another one. */
export const free = Buffer.from('free\n');

/** Whether these bytes are exactly that. */
export function isFree(bytes: Uint8Array): boolean {
  return free.equals(bytes);
}
