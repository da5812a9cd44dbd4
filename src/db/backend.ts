import { quoteLiteral } from './quote.ts';

/**
 * A server process that works for us; behind a pooler it is known by its application's name alone,
 * or, outside a transaction where no name can be set, by a comment that the statement begins with.
 */
export type Backend = { pid: number } | { application: string };

/** SQL: whether a row of `pg_stat_activity` is that process. */
export function isBackend(backend: Backend, row: string): string {
  return 'pid' in backend
    ? `${row}.pid = ${backend.pid}`
    : `${row}.datname = current_database() AND (${row}.application_name = ${quoteLiteral(backend.application)}
         OR ${row}.state = 'active' AND starts_with(${row}.query, ${quoteLiteral(signed(backend, ''))}))`;
}

/** SQL by which a process is known while it runs it. */
export function signed(backend: Backend, sql: string): string {
  return 'pid' in backend ? sql : `/* ${backend.application} */ ${sql}`;
}
