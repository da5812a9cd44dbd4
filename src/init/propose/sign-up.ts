import { quoteName } from '../../db/quote.ts';
import type { Session } from '../../db/session.ts';
import type { TableFacts } from '../schema-facts.ts';

/** Functions of the application, and whether a trigger calls them when a row of the table is inserted. */
const functionsSql = `SELECT p.proname AS name, p.prosrc AS source,
    EXISTS (SELECT FROM pg_trigger t WHERE t.tgfoid = p.oid AND t.tgrelid = to_regclass($1) AND NOT t.tgisinternal
              AND t.tgtype & 4 <> 0) AS "isTriggered"
  FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
 WHERE l.lanname IN ('sql', 'plpgsql') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'`;

/** Returns the keys of the tables into which the triggers of a table insert, also by the functions that they call. */
export async function tablesFilledBy(
  session: Session,
  table: TableFacts,
  tables: readonly TableFacts[],
): Promise<Set<string>> {
  const functions = await session.query<{ name: string; source: string; isTriggered: boolean }>(
    functionsSql,
    [quoteName(table)],
  );
  const called = new Set(functions.filter(({ isTriggered }) => isTriggered));
  for (const { source } of called)
    for (const each of functions) if (calls(source, each.name)) called.add(each);
  const filled = [...called].flatMap(({ source }) =>
    [...source.matchAll(/\binsert\s+into\s+([\w".]+)/gi)].map(([, name = '']) => bare(name)),
  );
  return new Set(
    tables
      .filter(({ schema, name }) =>
        filled.some((each) => [name, `${schema}.${name}`].includes(each)),
      )
      .map(({ key }) => key),
  );
}

function calls(source: string, name: string): boolean {
  return [...source.matchAll(/([\w$]+)"?\s*\(/g)].some(([, word]) => word === name);
}

function bare(name: string): string {
  return name.replaceAll('"', '');
}
