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
