import { quoteLiteral } from './quote.ts';

/**
 * A server process that works for dbops. Behind a pooler it is identified by its application_name
 * alone, or, outside a transaction where no name can be set, by a comment at the start of the
 * statement.
 */
export type Backend = { pid: number } | { application: string };

/** Returns an SQL condition on a row of `pg_stat_activity`. */
export function isBackend(backend: Backend, row: string): string {
  return 'pid' in backend
    ? `${row}.pid = ${backend.pid}`
    : `${row}.datname = current_database() AND (${row}.application_name = ${quoteLiteral(backend.application)}
         OR ${row}.state = 'active' AND starts_with(${row}.query, ${quoteLiteral(signed(backend, ''))}))`;
}

/** Returns an SQL comment that identifies a process while it runs the statement. */
export function signed(backend: Backend, sql: string): string {
  return 'pid' in backend ? sql : `/* ${backend.application} */ ${sql}`;
}
