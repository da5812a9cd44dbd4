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

const ddl =
  /\b(?:create|alter|drop|comment|grant|revoke|reassign|security|import|refresh|execute|perform|call)\b/i;

/** Words before a parenthesis that call no function of the database's own. */
const harmless = new Set(
  `abs all and any array as avg by case check coalesce concat conflict count current_date distinct else
  exists extract filter float from gen_random_uuid generate_series greatest having if in into int jsonb_build_object
  key least length like limit lower max min not now nullif numeric on only or over partition position raise replace
  returning row row_number round select set some string_agg substring substr sum then to trim union unnest upper using
  values varchar when where with array_agg array_length bool_and bool_or btrim char decimal decode encode
  first_value format json_agg jsonb_agg lag lateral lead left loop make_interval md5 mod numeric random rank
  regexp_replace right row_to_json split_part to_char to_date to_jsonb to_timestamp char_length`.split(
    /\s+/,
  ),
);

/** Whether the statements of a block may change the catalog: by DDL, or in a function of the database's own. */
function mayChangeCatalog(block: string): boolean {
  if (ddl.test(block)) return true;
  const plain = block.replaceAll(/\binsert\s+into\s+[\w."]+/gi, ' ');
  const calls = [...plain.matchAll(/([a-z_][\w.]*|")\s*\(/gi)].map(([, name = '']) => name);
  return calls.some((name) => !harmless.has(name.toLowerCase().replace(/^pg_catalog\./, '')));
}

/**
 * The part of an SQL text whose effects on the catalog depend on rows or on settings of the
 * database: `DO` blocks that branch on them and may change the catalog. A replay without rows need
 * not show what they did.
 *
 * @returns an empty text where there is none
 */
export async function conditionalPart(sql: string): Promise<string> {
  if (!/\bdo\b/i.test(sql)) return '';
  try {
    const blocks = (await parse(sql)).flatMap(({ stmt }) =>
      stmt !== undefined && 'DoStmt' in stmt ? [textsOf(stmt).join('\n')] : [],
    );
    return blocks.filter((each) => isConditional(each) && mayChangeCatalog(each)).join('\n');
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
  // Neither a foreign key's action nor a trigger's function; Kysely sends every statement by `.execute(db)`.
  const plain = source.replaceAll(
    /\bon\s+(?:delete|update)\s+cascade\b|\bexecute\s+(?:function|procedure)\b|\.execute\(/gi,
    ' ',
  );
  return lenient.test(plain);
}
