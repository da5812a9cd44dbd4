import { quoteLiteral } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import type { Format } from '../formats/format.ts';
import type { Migration } from '../migration.ts';
import { replacePieces } from '../sql/statements.ts';
import { upSourceOf } from '../text-file.ts';
import { preludesOf } from './prelude.ts';

/** The database whose migrations are replayed, as far as their texts can name it. */
export interface TargetNames {
  /** Its name, as `current_database()` returns it. */
  database: string;
  /** The roles of its server, without those of PostgreSQL itself. */
  roles: readonly string[];
}

/** Names that a shadow has before the first migration. */
export interface ShadowNames {
  /** The name of the database; absent where no migration depends on it. */
  database?: string;
  /** Whether a migration names the database itself, and could change another one of that name. */
  isDatabaseNamed: boolean;
  /** Roles, which get no rights and cannot log in. */
  roles: readonly string[];
}

/** The texts that can name something of the target. */
interface NamingTexts {
  migrations: readonly Migration[];
  format: Format;
}

/** Reads the names. */
export async function readTargetNames(session: Session): Promise<TargetNames> {
  const [row] = await session.query<{ database: string; roles: string[] }>(
    `SELECT current_database() AS database, array(SELECT rolname::text FROM pg_roles
      WHERE rolname !~ '^pg_' ORDER BY rolname COLLATE "C") AS roles`,
  );
  return row ?? { database: '', roles: [] };
}

/**
 * Returns the names that the migrations depend on. Roles that the folder creates itself are left to it.
 *
 * @param every includes all roles, for a shadow that is not built from the migrations
 */
export function shadowNames(
  { database, roles }: TargetNames,
  { migrations, format }: NamingTexts,
  { every = false } = {},
): ShadowNames {
  const texts = [...migrations.map(upSourceOf), ...preludesOf(format)];
  const own = new Set(texts.flatMap(rolesCreatedIn));
  const all = texts.join('\n').toLowerCase();
  const isOpen = importsMore(migrations);
  const isMentioned = (name: string) =>
    isOpen || all.includes(name.toLowerCase().replaceAll('"', '""'));
  return {
    ...(asksForDatabase.test(all) && { database }),
    isDatabaseNamed: texts.some((text) => namesDatabase(text, database)),
    roles: roles.filter((role) => every || (isMentioned(role) && !own.has(role))),
  };
}

/** A module may have the names from a file that it imports. */
function importsMore(migrations: readonly Migration[]): boolean {
  return migrations.some(
    (migration) =>
      migration.up.kind === 'module' &&
      /(?:\bfrom|\bimport\(?|\brequire\()\s*['"]\./.test(upSourceOf(migration)),
  );
}

/**
 * Returns whether the objects that the migrations create can depend on the name of the database. A comment
 * that only mentions a database has no effect.
 */
export function dependOnDatabase({ migrations, format }: NamingTexts): boolean {
  const texts = migrations.map((migration) => {
    const source = upSourceOf(migration);
    return migration.up.kind === 'sql' ? withoutComments(source) : source;
  });
  return [...texts, ...preludesOf(format).map(withoutComments)].some((text) =>
    asksForDatabase.test(text.toLowerCase()),
  );
}

function withoutComments(sql: string): string {
  return replacePieces(sql, (piece, kind) => (kind.endsWith('comment') ? ' ' : piece));
}

const asksForDatabase = /\b(?:current_database|current_catalog|pg_database|database)\b/;

/** Whether a text has `DATABASE mydb`, or compares `current_database()` with a literal. */
function namesDatabase(source: string, database: string): boolean {
  const text = source.replaceAll(/--.*$|\/\*[^]*?\*\//gm, ' ');
  const asks = /\b(?:current_database|current_catalog|pg_database)\b/i.test(text);
  return (
    namesAfter('database', text).includes(database) ||
    (asks && text.includes(quoteLiteral(database)))
  );
}

/** Returns the databases that migrations name, as `ALTER DATABASE shop` does. */
export function databasesNamedIn(migrations: readonly Migration[]): string[] {
  return migrations.flatMap((migration) =>
    migration.isMissing ? [] : namesAfter('(?:alter|on)\\s+database', upSourceOf(migration)),
  );
}

/** The names after CREATE ROLE, also inside DO blocks and strings. */
function rolesCreatedIn(text: string): string[] {
  return namesAfter('create\\s+(?:role|user|group)', text);
}

/** Returns the identifiers behind keywords, unquoted and folded as the server does. */
function namesAfter(keywords: string, text: string): string[] {
  const name = `(?:"((?:[^"]|"")+)"|([\\w$\\u0080-\\uffff]+))`;
  const found = text.matchAll(new RegExp(`\\b${keywords}\\s+${name}`, 'gi'));
  return [...found].map(([, quoted, plain]) =>
    quoted === undefined ? (plain ?? '').toLowerCase() : quoted.replaceAll('""', '"'),
  );
}
