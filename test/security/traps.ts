import { parse } from 'libpg-query';
import pg from 'pg';
import { isLongRun } from '../cases.ts';

/** Unqualified names that SQL calls: what an object in another schema could be called instead of. */
export interface Used {
  operators: Set<string>;
  /** Name and number of arguments. */
  functions: Map<string, Set<number>>;
}

const implied: Record<string, string[]> = {
  AEXPR_DISTINCT: ['='],
  AEXPR_NOT_DISTINCT: ['='],
  AEXPR_NULLIF: ['='],
  AEXPR_BETWEEN: ['>=', '<='],
  AEXPR_NOT_BETWEEN: ['<', '>'],
};

/** Reads the parse trees of statements; what does not parse (a message with two halves) is left out. */
export async function usedBy(statements: Iterable<string>): Promise<Used> {
  const used: Used = { operators: new Set(['=']), functions: new Map() };
  for (const sql of statements) {
    const tree: unknown = await parse(sql).catch(() => undefined);
    walk(tree, used);
  }
  return used;
}

type Tree = Record<string, unknown>;

function walk(tree: unknown, used: Used): void {
  if (Array.isArray(tree)) return tree.forEach((each) => walk(each, used));
  if (typeof tree !== 'object' || tree === null) return;
  for (const [kind, node] of Object.entries(tree as Tree)) {
    if (kind === 'A_Expr' || kind === 'SubLink') noteOperators(node as Tree, used);
    if (kind === 'FuncCall') noteFunction(node as Tree, used);
    walk(node, used);
  }
}

function noteOperators({ kind, name, operName }: Tree, { operators }: Used): void {
  for (const each of implied[String(kind)] ?? []) operators.add(each);
  const [only, another] = wordsOf(name ?? operName);
  if (only !== undefined && another === undefined) operators.add(only);
}

function noteFunction({ funcname, args }: Tree, { functions }: Used): void {
  const [only, another] = wordsOf(funcname);
  if (only === undefined || another !== undefined) return;
  const counts = functions.get(only) ?? new Set();
  functions.set(only, counts.add(Array.isArray(args) ? args.length : 0));
}

function wordsOf(names: unknown): string[] {
  if (!Array.isArray(names)) return [];
  return names.flatMap((each: { String?: { sval?: string } }) => each.String?.sval ?? []);
}

/** Types of arguments of the traps. A long run plants traps for more of them. */
const types = ['int4', 'numeric', 'float8', 'text', 'varchar', 'name', 'oid', 'timestamptz'];
const furtherTypes = ['"char"', 'bool', 'regclass', 'text[]', 'jsonb'];
const planted = isLongRun ? [...types, ...furtherTypes] : types;

/** Functions with more are VARIADIC "any", such as jsonb_build_object: there are too many lists of types. */
const mostArguments = isLongRun ? 3 : 2;

const quote = (text: string) => pg.escapeLiteral(text);
const list = (values: readonly string[]) => `ARRAY[${values.map(quote).join(', ')}]::text[]`;

/**
 * Plants a trap for each of the names, as a role that may do nothing but create objects in `public`:
 * an operator for each two types and a function for each list of types. A trap that is called raises
 * the warning `TRAP …`, which neither a rollback nor a read-only transaction takes back.
 */
export async function plantTraps(url: string, { operators, functions }: Used): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await client.query(`DO $$ BEGIN CREATE ROLE intruder; EXCEPTION WHEN duplicate_object OR unique_violation THEN END $$;
      GRANT CREATE ON SCHEMA public TO intruder; SET ROLE intruder;
      SET search_path = pg_catalog; SET check_function_bodies = off; SET client_min_messages = error`);
    const calls = [...functions].flatMap(([name, counts]) =>
      [...counts].filter((count) => count <= mostArguments).map((count) => `${name} ${count}`),
    );
    await client.query(`DO $plant$ ${planting(list([...operators]), list(calls))} $plant$`);
  } finally {
    await client.end();
  }
}

/** A trap gives what the operator or function of pg_catalog gives, so that statements go on. */
function planting(operators: string, calls: string): string {
  return `
DECLARE
  kinds text[] := ${list(planted)};
  it text; l text; r text; given text; number int := 0; signature text; body text;
BEGIN
  FOREACH it IN ARRAY ${operators} LOOP FOREACH l IN ARRAY kinds LOOP FOREACH r IN ARRAY kinds LOOP
    SELECT CASE WHEN t.typtype = 'p' THEN 'text' ELSE format_type(oprresult, NULL) END INTO given
      FROM pg_operator JOIN pg_type t ON t.oid = oprresult
     WHERE oprname = it AND oprnamespace = 'pg_catalog'::regnamespace
     ORDER BY (oprleft = l::regtype) DESC, (oprright = r::regtype) DESC LIMIT 1;
    CONTINUE WHEN given IS NULL;
    number := number + 1;
    body := format('BEGIN RAISE WARNING %L; RETURN NULL; END', format('TRAP operator %s (%s, %s)', replace(it, '%', '%%'), l, r));
    EXECUTE format('CREATE FUNCTION public.trap_%s(%s, %s) RETURNS %s LANGUAGE plpgsql AS %L', number, l, r, given, body);
    EXECUTE format('CREATE OPERATOR public.%s (LEFTARG = %s, RIGHTARG = %s, FUNCTION = public.trap_%s)', it, l, r, number);
  END LOOP; END LOOP; END LOOP;
  FOREACH it IN ARRAY ${calls} LOOP
    SELECT CASE WHEN t.typtype = 'p' THEN 'text' ELSE format_type(prorettype, NULL) END INTO given
      FROM pg_proc JOIN pg_type t ON t.oid = prorettype
     WHERE proname = split_part(it, ' ', 1) AND pronamespace = 'pg_catalog'::regnamespace
     ORDER BY (pronargs = split_part(it, ' ', 2)::int) DESC LIMIT 1;
    CONTINUE WHEN given IS NULL;
    FOR signature IN
      SELECT DISTINCT CASE split_part(it, ' ', 2)::int WHEN 0 THEN '' WHEN 1 THEN a WHEN 2 THEN a || ', ' || b
               ELSE a || repeat(', ' || b, split_part(it, ' ', 2)::int - 1) END
        FROM unnest(kinds) a, unnest(kinds) b WHERE a = b OR 'text' IN (a, b)
    LOOP
      body := format('BEGIN RAISE WARNING %L; RETURN NULL; END', format('TRAP function %s(%s)', it, signature));
      EXECUTE format('CREATE FUNCTION public.%I(%s) RETURNS %s LANGUAGE plpgsql AS %L', split_part(it, ' ', 1), signature, given, body);
    END LOOP;
  END LOOP;
END`;
}
