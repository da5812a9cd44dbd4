import { inScratchTransaction } from '../catalog/snapshot.ts';
import { quoteLiteral, quoteName } from '../db/quote.ts';
import { toOwnPath, toUserPath, underUserPath } from '../db/search-path.ts';
import type { Session } from '../db/session.ts';
import type { Piece } from '../sql/alter-table.ts';
import type { ObjectName } from '../sql/non-transactional.ts';

/**
 * Returns the changes of a column's type that rewrite neither the table nor an index, such as varchar(20) to text,
 * or timestamp to timestamptz where the time zone is UTC. The server decides that without looking at rows.
 *
 * @param shadow with the schema that the migration finds; it is not changed
 * @param zone the time zone in which the migration runs
 */
export async function freeTypeChanges(
  shadow: Session,
  pieces: readonly Piece[],
  zone: string,
): Promise<Set<Piece>> {
  const free = new Set<Piece>();
  await inScratchTransaction(shadow, async () => {
    await shadow.script(`SET LOCAL TimeZone = ${quoteLiteral(zone)}`);
    for (const piece of pieces) {
      const table = piece.kind === 'alter-type' ? piece.table : undefined;
      const before = table && (await storageOf(shadow, table));
      const hasRun = await tryOut(shadow, piece.sql);
      if (table && hasRun && before === (await storageOf(shadow, table))) free.add(piece);
    }
  });
  return free;
}

/** A statement that cannot run in a transaction, or that fails, is reported when the migration runs. */
async function tryOut(shadow: Session, sql: string): Promise<boolean> {
  await shadow.script('SAVEPOINT dbops_piece');
  try {
    await shadow.script(`${toUserPath}; ${sql}; ${toOwnPath(shadow)}`);
    return true;
  } catch {
    await shadow.script('ROLLBACK TO SAVEPOINT dbops_piece');
    return false;
  }
}

/** Returns the files of a table, of those that inherit from it, and of their indexes. */
async function storageOf(shadow: Session, table: ObjectName): Promise<string | undefined> {
  const [row] = await underUserPath<{ files: string | null }>(
    shadow,
    `WITH RECURSIVE tree (id) AS (
       SELECT pg_catalog.to_regclass(${quoteLiteral(quoteName(table))})::pg_catalog.oid
       UNION SELECT inhrelid FROM pg_catalog.pg_inherits JOIN tree ON inhparent OPERATOR(pg_catalog.=) id)
     SELECT pg_catalog.string_agg(pg_catalog.pg_relation_filenode(file)::pg_catalog.text, ' ' ORDER BY pg_catalog.pg_relation_filenode(file)) AS files
       FROM (SELECT id FROM tree UNION SELECT indexrelid FROM pg_catalog.pg_index JOIN tree ON indrelid OPERATOR(pg_catalog.=) id) all_files (file)`,
  );
  return row?.files ?? undefined;
}
