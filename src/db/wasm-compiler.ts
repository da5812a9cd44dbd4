import { setFlagsFromString } from 'node:v8';

/**
 * V8 compiles WebAssembly twice: at once, and functions that run for long again with its optimizing
 * compiler. PostgreSQL's parser is one function of such a size that this second compilation takes
 * 500 MB and several seconds of CPU.
 */
const flags = ['--liftoff', '--no-wasm-tier-up', '--no-wasm-dynamic-tiering'];

/** Turns the second compilation off for WebAssembly that this process loads from now on. */
export function compileOnce(): void {
  for (const flag of flags) setFlagsFromString(flag);
}
