import { createRequire } from 'node:module';
import { functionOf, objectOf } from '../shared/import-module.ts';

const require = createRequire(import.meta.url);

/**
 * Returns whether a module exports a function `up`. The text decides where it can; otherwise the
 * module is loaded, as Kysely loads all files of the folder. One that cannot be loaded counts as a
 * migration, so that a run reports why.
 */
export function exportsUp(file: string, source: string): boolean {
  const code = withoutComments(source);
  if (named.some((form) => form.test(code))) return true;
  if (!computed.test(code)) return false;
  try {
    const loaded: unknown = require(file);
    return functionOf(objectOf(loaded), 'up') !== undefined;
  } catch {
    return true;
  }
}

/** Exports of which the text shows the name. */
const named = [
  /\bexport\s+(?:async\s+)?function\s*\*?\s*up\b/,
  /\bexport\s+(?:const|let|var)\s+up\b/,
  /\bexport\s*\{[^}]*\bup\s*[,}]/,
  /\bexport\s*\{[^}]*\bas\s+up\s*[,}]/,
  /\bexports\s*\.\s*up\s*=/,
  /\bexports\s*\[\s*['"]up['"]\s*\]\s*=/,
];

/** Exports of which only the loaded module shows the names. */
const computed =
  /\bexport\s+default\b|\bexport\s*\*|\bexport\s*=|\bexport\s+(?:const|let|var)\s*\{|\bmodule\s*\.\s*exports\b|\bexports\b/;

function withoutComments(source: string): string {
  if (!source.includes('//') && !source.includes('/*')) return source;
  return source.replaceAll(/\/\*[^]*?\*\/|(?<![:'"`])\/\/.*$/gm, '');
}
