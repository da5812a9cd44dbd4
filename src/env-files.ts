import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseEnv } from 'node:util';
import { usageError } from './errors.ts';
import type { Environment } from './output/terminal.ts';
import { readText } from './text-file.ts';

interface Variables {
  variables: Environment;
  /** The file that a variable came from; nothing for the environment itself. */
  fileOf: (name: string) => string | undefined;
}

interface EnvFiles {
  /** The folder of the configuration file. */
  root: string;
  cwd: string;
  /** The file of `--env-file`; absent: `.env.local` and `.env` of the root. */
  named?: string | undefined;
}

/**
 * Returns the environment, completed from files. A variable of the environment wins; of several
 * files the first that sets a variable wins.
 *
 * @throws usage error when the named file does not exist
 */
export function readEnvFiles(environment: Environment, { root, cwd, named }: EnvFiles): Variables {
  const files =
    named === undefined
      ? ['.env.local', '.env'].map((name) => ({ name, path: join(root, name) }))
      : [{ name: named, path: resolve(cwd, named) }];
  const fromFiles: Record<string, string> = {};
  const origin = new Map<string, string>();
  for (const { name, path } of files) {
    if (!existsSync(path)) {
      if (named !== undefined) throw missing(path);
      continue;
    }
    for (const [key, value = ''] of Object.entries(parseEnv(readText(path)))) {
      if (environment[key] !== undefined || key in fromFiles) continue;
      fromFiles[key] = value;
      origin.set(key, name);
    }
  }
  const valueOf = (name: string) => environment[name] ?? fromFiles[name];
  const expanded = Object.entries(fromFiles).map(([key, value]) => [key, expand(value, valueOf)]);
  return {
    variables: { ...environment, ...Object.fromEntries(expanded) },
    fileOf: (name) => origin.get(name),
  };
}

function missing(path: string) {
  return usageError('ENV.MISSING', `Environment file not found: ${path}`, 'Correct --env-file.');
}

/** Rounds of replacement; a variable that refers to itself is left as it is. */
const mostRounds = 20;

/**
 * Replaces `$NAME`, `${NAME}`, `${NAME:-default}` and `${NAME-default}` as dotenv-expand does, the
 * innermost first; `\\$` is a dollar sign. A name that is not set stays as it is written, because a
 * password may contain `$`.
 */
function expand(text: string, valueOf: (name: string) => string | undefined): string {
  let before = text;
  for (let round = 0; round < mostRounds; round++) {
    const after = before.replaceAll(references, (whole) => replacement(whole, valueOf));
    if (after === before) break;
    before = after;
  }
  return before.replaceAll('\\$', '$');
}

const reference =
  /(?<!\\)\$(?:\{(?<name>\w+)(?:(?<operator>:?-)(?<fallback>[^{}]*))?\}|(?<name>[A-Za-z_]\w*))/;
const references = new RegExp(reference, 'g');

function replacement(whole: string, valueOf: (name: string) => string | undefined): string {
  const { name = '', operator, fallback = '' } = reference.exec(whole)?.groups ?? {};
  const value = valueOf(name);
  if (value === undefined || (value === '' && operator === ':-'))
    return operator === undefined ? whole : fallback;
  return value;
}
