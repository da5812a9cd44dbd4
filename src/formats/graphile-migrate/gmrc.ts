import { existsSync } from 'node:fs';
import { usageError } from '../../errors.ts';
import type { ConnectionNames } from '../../migration.ts';
import { literalOf } from '../shared/module-files.ts';
import { readText } from '../../text-file.ts';

/** The settings of graphile-migrate that affect files. */
export interface Gmrc {
  /** Settings that affect migrations, but that dbops does not apply. */
  ignored: string[];
  /** Returns whether a text has a placeholder. */
  hasPlaceholder(sql: string): boolean;
  /** Replaces them as `generatePlaceholderReplacement` does (graphile-migrate, `migration`). */
  replacePlaceholders(sql: string, connection: ConnectionNames): string;
}

const influential = ['pgSettings', 'beforeAllMigrations', 'afterAllMigrations'];

/**
 * Reads the literals of `.gmrc`, which is JSON5. A `.gmrc.js` is not run.
 *
 * @param root the directory that contains the folder of migrations
 */
export function readGmrc(root: string): Gmrc {
  const file = `${root}/.gmrc`;
  const source = existsSync(file) ? withoutComments(readText(file)) : '';
  const own = new Map(
    [...source.matchAll(/["'](:[A-Z][0-9A-Z_]+)["']\s*:\s*["']([^"'\n]*)["']/g)].map(
      ([, key = '', value = '']) => [key, value],
    ),
  );
  const owner = literalOf(source, 'databaseOwner');
  const keys = [...own.keys(), ':DATABASE_NAME', ':DATABASE_OWNER'];
  const pattern = new RegExp(`(?:${keys.join('|')})\\b`);
  return {
    ignored: influential.filter((key) => isSet(source, key)),
    hasPlaceholder: (sql) => pattern.test(sql),
    replacePlaceholders(sql, { database = '', user = database }) {
      const values = new Map(own);
      values.set(':DATABASE_NAME', database).set(':DATABASE_OWNER', owner ?? user);
      return sql.replaceAll(new RegExp(pattern, 'g'), (key) => valueOf(key, values.get(key), file));
    },
  };
}

/** Returns the value of a placeholder; `!ENV` reads the environment variable of its name. */
function valueOf(key: string, value = '', file: string): string {
  const variable = key.slice(1);
  const found = value === '!ENV' ? process.env[variable] : value;
  if (found || value !== '!ENV') return found ?? '';
  throw usageError(
    'MIGRATION.PLACEHOLDER',
    `The placeholder ${key} has no value: the environment variable ${variable} is not set.`,
    `Set ${variable}, as for graphile-migrate, and run the command again.`,
    [file],
  );
}

function withoutComments(source: string): string {
  return source.replaceAll(/\/\*[^]*?\*\//g, '').replaceAll(/^\s*\/\/.*$/gm, '');
}

/** Returns whether a key has a value that is not empty. */
function isSet(source: string, key: string): boolean {
  return new RegExp(`\\b${key}["']?\\s*:\\s*(?:["'][^"']|[[{]\\s*[^\\s\\]}])`).test(source);
}
