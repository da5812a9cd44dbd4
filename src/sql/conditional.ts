import { parse } from './statements.ts';

const branches = /\b(?:if|case|loop|for|foreach|while|execute|exists)\b|[?]/i;

/** `FROM pg_class` and `FROM information_schema.columns` read the catalog, `FROM users` reads rows. */
const readsRows =
  /\b(?:from|join)\s+(?!(?:only\s+)?"?(?:pg_|information_schema\b|unnest\b|generate_series\b|jsonb?_))["a-z_]|\b(?:selectFrom|innerJoin|leftJoin)\(|\.(?:select|first|pluck|count)\(/i;

/** What the session or the server is, which a replay elsewhere need not share. */
const readsSurroundings =
  /\b(?:current_(?:database|setting|user|role)|session_user|version\(\)|server_version)\b|process\.env/i;

const deletes =
  /\bdelete\s+from\b|\bis\s+(?:not\s+)?distinct\s+from\b|\bextract\s*\([^()]*\bfrom\b/gi;

/**
 * The part of an SQL text whose effects on the catalog depend on rows or on settings of the
 * database: `DO` blocks that branch on them. A replay without rows need not show what they did.
 *
 * @returns an empty text where there is none
 */
export async function conditionalPart(sql: string): Promise<string> {
  if (!/\bdo\b/i.test(sql)) return '';
  try {
    const blocks = (await parse(sql)).flatMap(({ stmt }) =>
      stmt !== undefined && 'DoStmt' in stmt ? [textsOf(stmt).join('\n')] : [],
    );
    return blocks.filter(isConditional).join('\n');
  } catch {
    return isConditional(sql) ? sql : '';
  }
}

/** Returns the same for a module: all of its source, if it branches on what it reads. */
export function conditionalModule(source: string): string {
  return isConditional(source) ? source : '';
}

function isConditional(text: string): boolean {
  const plain = text.replaceAll(deletes, ' ');
  return branches.test(plain) && (readsRows.test(plain) || readsSurroundings.test(plain));
}

function textsOf(tree: unknown): string[] {
  if (typeof tree === 'string') return [tree];
  if (typeof tree !== 'object' || tree === null) return [];
  return Object.values(tree).flatMap(textsOf);
}

const lenient =
  /\bif\s+(?:not\s+)?exists\b|if(?:not)?exists|\bcascade\b|\bor\s+replace\b|orreplace|\bdo\b|\bexecute\b|\bexception\b|\bcatch\b/i;

/** Whether a text may run where an object that it names does not exist, or drops objects that it does not name. */
export function isLenient(source: string): boolean {
  return lenient.test(source.replaceAll(/\bon\s+(?:delete|update)\s+cascade\b/gi, ' '));
}
