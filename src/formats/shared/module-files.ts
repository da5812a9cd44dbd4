import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { readInAnyEncoding } from '../../text-file.ts';

/** Returns the names with one of the extensions, without declaration files. */
export function modulesAmong(names: readonly string[], ending: RegExp): string[] {
  return names.filter((name) => ending.test(name) && !/\.d\.[cm]?ts$/.test(name));
}

/**
 * Returns the text of one module that shows which tool a directory belongs to; empty when none looks
 * like a migration. Opens one file only, because a search calls it for every directory.
 */
export function sampleOf(directory: string, modules: readonly string[]): string {
  const numbered = modules.find((name) => /^\d/.test(name));
  const sample = numbered ?? (/migrat/i.test(basename(directory)) ? modules[0] : undefined);
  return sample === undefined ? '' : readInAnyEncoding(`${directory}/${sample}`);
}

const words = { up: /\bup\b/, down: /\bdown\b/ };

/** Returns whether the text of a module mentions the direction, in any style of export. */
export function mentions(source: string, direction: 'up' | 'down'): boolean {
  return words[direction].test(source);
}

/**
 * Returns a tool's configuration file, if any: in the directory or above it, up to the root of the
 * project (the nearest package.json or .git), and in `.config` of each.
 */
export function configAbove(directory: string, name: RegExp): string | undefined {
  for (let folder = directory; ; folder = dirname(folder)) {
    const names = namesIn(folder);
    const here = names.find((each) => name.test(each));
    if (here) return `${folder}/${here}`;
    const inside = names.includes('.config')
      ? namesIn(`${folder}/.config`).find((each) => name.test(each))
      : undefined;
    if (inside) return `${folder}/.config/${inside}`;
    const isRoot = names.includes('package.json') || names.includes('.git');
    if (isRoot || folder === dirname(folder)) return undefined;
  }
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/**
 * Returns the value of a key that a configuration file writes as a literal (`key: 'value'`), so that
 * `status` does not run the file to learn the name of a table.
 */
export function literalOf(source: string, key: string): string | undefined {
  const code = source.replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '');
  const value = /\s*:\s*(?:'([^']*)'|"([^"]*)"|`([^`$]*)`|(true|false)\b)/.source;
  const found = new RegExp(`\\b${key}['"]?${value}`).exec(code);
  return found?.slice(1).find((each) => each !== undefined);
}

/** Compares names as Prisma, Drizzle and Kysely do, with `localeCompare`; digits directly, because its first call is slow. */
export function byLocale(a: string, b: string): number {
  let at = 0;
  while (at < a.length && a[at] === b[at]) at++;
  const isDigit = (name: string) => /\d/.test(name[at] ?? '');
  return isDigit(a) && isDigit(b) ? Number(a > b) - Number(a < b) : a.localeCompare(b);
}
