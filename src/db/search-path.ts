import type { Client, QueryResultRow } from 'pg';
import { quoteIdentifier, quoteLiteral } from './quote.ts';
import { runScript } from './script.ts';
import type { Target } from './target.ts';

/**
 * The path of every statement that dbops itself writes. Whoever may create objects in a schema of the
 * role's path can give an operator or function there a closer match than the one of pg_catalog
 * (server manual, "Operator Type Resolution"), and would have it called with our rights. pg_temp is
 * searched first for tables and types unless the path names it.
 */
export const ownPath = 'pg_catalog, pg_temp';

/** The properties of a session that decide its search_path. */
interface PathOwner {
  /** SQL of the path of dbops. */
  readonly path: string;
  /** See `Session.isPooled`. */
  readonly isPooled: boolean;
  readonly client: Client;
}

/** SQL: names in the rest of the transaction mean what they mean to the role. */
export const toUserPath = 'SET LOCAL search_path TO DEFAULT';

/** SQL: names in the rest of the transaction mean what they mean to dbops. */
export function toOwnPath({ path }: Pick<PathOwner, 'path'>): string {
  return `SET LOCAL search_path TO ${path}`;
}

/** SQL: the same after statements that may have SET it for the session. */
export function backToOwnPath({ path, isPooled }: Pick<PathOwner, 'path' | 'isPooled'>): string {
  return `SET ${isPooled ? 'LOCAL' : 'SESSION'} search_path TO ${path}`;
}

/** SQL: undoes every SET of the session, but for the path of dbops. */
export function resetSettings({ path, isPooled }: Pick<PathOwner, 'path' | 'isPooled'>): string {
  return isPooled ? 'RESET ALL' : `RESET ALL; SET search_path TO ${path}`;
}

/**
 * Runs one statement under the path of the role, because the statement depends on that path or
 * calls code of the application that may rely on it. The SQL names operators and functions with
 * their schema: `OPERATOR(pg_catalog.=)`, `pg_catalog.count(*)`.
 *
 * @param toPath SQL that sets another path
 */
export async function underUserPath<R extends QueryResultRow>(
  session: Pick<PathOwner, 'client' | 'path'>,
  sql: string,
  toPath = toUserPath,
): Promise<R[]> {
  const answers = await session.client.query<R>(`${toPath}; ${sql}; ${toOwnPath(session)}`);
  // pg's types know one result; of several statements it returns one each.
  return [answers].flat()[1]?.rows ?? [];
}

/** The schema in which the path of the role finds a table, index, view or sequence. */
export async function schemaOf(
  session: Pick<PathOwner, 'client' | 'path'>,
  name: string,
  toPath = toUserPath,
): Promise<string | undefined> {
  const [row] = await underUserPath<{ schema: string }>(session, schemaSql(name), toPath);
  return row?.schema;
}

/** SELECT: the same, for a session that has a path of the role already. */
export function schemaSql(name: string): string {
  return `SELECT n.nspname AS schema FROM pg_catalog.pg_class c
      JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
     WHERE c.oid OPERATOR(pg_catalog.=) pg_catalog.to_regclass(${quoteLiteral(quoteIdentifier(name))})`;
}

/**
 * Sets the path for the session, unless a pooler would give the connection to others with it. Until
 * then the path is the role's: everything is named with its schema.
 *
 * @returns whether there is a pooler
 */
export async function takePath(
  client: Client,
  { kind }: Target,
  pid: number,
  path: string,
): Promise<boolean> {
  if (kind === 'pglite') {
    await client.query(`SET search_path TO ${path}`);
    return false;
  }
  const isDirect = `pg_catalog.pg_backend_pid() OPERATOR(pg_catalog.=) ${pid}`;
  const set = `pg_catalog.set_config('search_path', ${quoteLiteral(path)}, false)`;
  const taken = path === 'DEFAULT' ? 'NULL' : `CASE WHEN ${isDirect} THEN ${set} END`;
  const { rows } = await client.query<{ direct: boolean }>(
    `SELECT ${isDirect} AS direct, ${taken} AS taken`,
  );
  return rows[0]?.direct !== true;
}

/** How statements of dbops are sent; see `Session`. */
interface Statements {
  query<R extends QueryResultRow>(sql: string, values?: unknown[]): Promise<R[]>;
  script(sql: string): Promise<void>;
}

export function directly(client: Client): Statements {
  return {
    query: async (sql, values) => (await client.query(sql, values ?? [])).rows,
    script: (sql) => runScript(client, sql),
  };
}

/** The path holds for a transaction, so that each begins with it: one of several statements in a message, too. */
export function throughPooler(client: Client, path: string): Statements {
  const setPath = `SET LOCAL search_path TO ${path}; `;
  const isWithin = () => client.getTransactionStatus() !== 'I';
  return {
    async query(sql, values = []) {
      if (isWithin()) return (await client.query(sql, values)).rows;
      await runScript(client, `BEGIN; ${setPath}`);
      try {
        const { rows } = await client.query(sql, values);
        await runScript(client, 'COMMIT');
        return rows;
      } catch (error) {
        await runScript(client, 'ROLLBACK').catch(() => {});
        throw error;
      }
    },
    script: (sql) =>
      isWithin() || endsTransaction.test(sql)
        ? runScript(client, sql)
        : runScript(client, sql, setPath),
  };
}

/** After an error pg reports the state before it: such a text may end a transaction that has failed. */
const endsTransaction = /^(?:ROLLBACK|COMMIT)\b/;
