import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { readText } from './script.ts';

/** The files among these names that have one of the endings; a declaration file is no module. */
export function modulesAmong(names: readonly string[], ending: RegExp): string[] {
  return names.filter((name) => ending.test(name) && !/\.d\.[cm]?ts$/.test(name));
}

/**
 * The text of one module by which a directory is judged; empty when none of them looks like a
 * migration. Only one file is opened: a search asks this of every directory of a project.
 */
export function sampleOf(directory: string, modules: readonly string[]): string {
  const numbered = modules.find((name) => /^\d/.test(name));
  const sample = numbered ?? (/migrat/i.test(basename(directory)) ? modules[0] : undefined);
  return sample === undefined ? '' : readText(`${directory}/${sample}`);
}

/** Whether the text of a module exports such a function, in any of the ways of JavaScript. */
export function mentions(source: string, direction: 'up' | 'down'): boolean {
  return new RegExp(`\\b${direction}\\b`).test(source);
}

/**
 * A tool's configuration file: in the directory or above it, up to the root of the project (the
 * nearest package.json or .git), and in each one's `.config`.
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
 * What a configuration file gives a key, where it is written out (`key: 'value'`): `status` must
 * not run a program to learn the name of a table.
 */
export function literalOf(source: string, key: string): string | undefined {
  const code = source.replaceAll(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '');
  const value = /\s*:\s*(?:'([^']*)'|"([^"]*)"|`([^`$]*)`|(true|false)\b)/.source;
  const found = new RegExp(`\\b${key}['"]?${value}`).exec(code);
  return found?.slice(1).find((each) => each !== undefined);
}
