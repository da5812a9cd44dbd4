/**
 * SQL that is true of what a team created: not of the server, of dbops, of an extension, or of a session.
 *
 * @param schema alias of `pg_namespace`
 * @param catalog such as `pg_class`, with the OID of the object
 */
export function isOfTeam(schema: string, catalog: string, oid: string): string {
  return `${schema}.nspname !~ '^(pg_|dbops$|dbops_|information_schema$)'
    AND NOT EXISTS (SELECT FROM pg_depend brought WHERE brought.classid = '${catalog}'::regclass
      AND brought.objid = ${oid} AND brought.deptype = 'e')`;
}

/** Orders by names in the same way on every server, whatever its collation. */
export function byName(...columns: readonly string[]): string {
  return `ORDER BY ${columns.map((column) => `${column} COLLATE "C"`).join(', ')}`;
}

/**
 * SQL that is true of an invalid index which a session builds at this moment. The server hides the details of
 * the progress from roles without pg_read_all_stats; it shows every role which tables a session has locked.
 *
 * @param table the OID of its table
 * @param index its own OID
 */
export function isBeingBuilt(table: string, index: string): string {
  return `EXISTS (SELECT FROM pg_stat_progress_create_index p JOIN pg_locks l ON l.pid = p.pid
    WHERE l.relation = ${table} AND l.mode = 'ShareUpdateExclusiveLock'
      AND (p.relid IS NULL OR p.index_relid IN (0, ${index}) OR p.command = 'REINDEX CONCURRENTLY'))`;
}

/** SQL that is true of an index that REINDEX CONCURRENTLY created under a name of its own, and left behind. */
export function isLeftOver(index: string): string {
  return `(NOT (x.indisvalid AND x.indisready AND x.indislive) AND ${index}.relname ~ '_cc(new|old)[0-9]*$')`;
}
