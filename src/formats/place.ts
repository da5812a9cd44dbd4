import { quoteIdentifier, quoteLiteral } from '../db/quote.ts';
import { underUserPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import type { Folder } from './format.ts';

/**
 * Returns the folder with the schemas of its tool's tables. The tool resolves them by the
 * `search_path` of its role, under which dbops runs no statement, so the server is asked once which
 * table that path finds, or in which schema it would create one.
 */
export async function placeFolder(session: Session, folder: Folder): Promise<Folder> {
  const { unplaced, ...rest } = folder;
  if (!unplaced) return folder;
  const { table, placedIn } = unplaced;
  const name = quoteLiteral(quoteIdentifier(table));
  const [row] = await underUserPath<{ schema: string | null }>(
    session,
    `SELECT coalesce((SELECT n.nspname FROM pg_catalog.pg_class c
       JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
      WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(${name})),
       pg_catalog.current_schema()) AS schema`,
  );
  return { ...rest, ...placedIn(row?.schema ?? 'public') };
}
