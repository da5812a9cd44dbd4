import { quoteName } from '../db/quote.ts';
import type { Session } from '../db/session.ts';
import { readWithFixedSettings } from '../catalog/snapshot.ts';
import type { Difference } from '../catalog/differences.ts';

/** A statement that destroys rows or values. */
const destroys = /^DROP (?:TABLE|SCHEMA)\b|\bDROP COLUMN\b/i;

/** Returns whether statements would drop a table, a schema or a column that holds rows. */
export async function dropsRows(
  session: Session,
  { object }: Difference,
  statements: readonly string[],
): Promise<boolean> {
  if (!statements.some((sql) => destroys.test(sql))) return false;
  const { kind, schema, parent, name } = object;
  const tables =
    kind === 'schema' ? await tablesIn(session, name) : [{ schema, name: parent || name }];
  for (const table of tables) if (await holdsRows(session, quoteName(table))) return true;
  return false;
}

function tablesIn(session: Session, schema: string) {
  return session.query<{ schema: string; name: string }>(
    `SELECT n.nspname AS schema, c.relname AS name FROM pg_class c
      JOIN pg_namespace n ON n.oid = c.relnamespace
      WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'm')`,
    [schema],
  );
}

/** A table that cannot be read may hold rows. */
async function holdsRows(session: Session, table: string): Promise<boolean> {
  try {
    return await readWithFixedSettings(session, async () => {
      const [row] = await session.query<{ holds: boolean }>(
        `SELECT EXISTS (SELECT FROM ${table}) AS holds`,
      );
      return row?.holds ?? true;
    });
  } catch {
    return true;
  }
}
