import { setFlagsFromString } from 'node:v8';

/**
 * V8 compiles WebAssembly twice: at once, and functions that run for long again with its optimizing
 * compiler. PostgreSQL's parser is one function of such a size that this second compilation takes
 * 500 MB and several seconds of CPU.
 */
const once = ['--liftoff', '--no-wasm-tier-up', '--no-wasm-dynamic-tiering'];
const asUsual = ['--wasm-tier-up', '--wasm-dynamic-tiering'];

/** Turns the second compilation off for WebAssembly that this process loads from now on. */
export function compileOnce(): void {
  for (const flag of once) setFlagsFromString(flag);
}

/**
 * Loads WebAssembly whose functions are compiled once. The flags are those of the whole process, so they are
 * reset afterwards: an application that calls the API has WebAssembly of its own.
 *
 * @param load also calls the functions that are large: each is compiled when it is first called
 */
export async function loadCompiledOnce<T>(load: () => Promise<T>): Promise<T> {
  compileOnce();
  try {
    return await load();
  } finally {
    for (const flag of asUsual) setFlagsFromString(flag);
  }
}
