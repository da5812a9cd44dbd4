import { withSession } from '../db/session.ts';
import type { Project, Queryable } from '../migrate/project.ts';
import { catalogOf } from '../reference/catalog.ts';

interface Column {
  path: string;
  names: string[];
}

/** Moments and generated keys differ from run to run, and so does what dbops notes about its runs. */
const columns = `SELECT format('%I.%I', n.nspname, c.relname) AS path,
    array_agg(a.attname::text ORDER BY a.attnum) AS names
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    AND a.atttypid NOT IN ('timestamptz'::regtype, 'timestamp'::regtype, 'uuid'::regtype)
  WHERE c.relkind IN ('r', 'p') AND n.nspname !~ '^pg_'
    AND n.nspname NOT IN ('information_schema', 'dbops', 'dbops_rescue')
  GROUP BY n.nspname, c.relname ORDER BY 1`;

/** The catalog without what dbops keeps for itself, and every row of it. */
export interface State {
  catalog: string[];
  rows: Record<string, string[]>;
  tracked: unknown[];
  checkpoints: unknown[];
  /** What is known of the copies of rows, and how many rows each holds. */
  copies: string[];
}

/** Reads what a run of a command leaves behind, without what differs between two undisturbed runs. */
export function stateOf({ url }: Project): Promise<State> {
  // One session, because an embedded database is opened for each.
  return withSession(url, (session) =>
    readState({ query: (sql, values) => session.query(sql, values) }),
  );
}

async function readState(project: Queryable): Promise<State> {
  const tables = await project.query<Column>(columns);
  const rows: Record<string, string[]> = {};
  for (const { path, names } of tables) {
    const list = names.map((name) => `"${name}"`).join(', ');
    const found = await project.query<{ row: string }>(
      `SELECT row_to_json(r)::text AS row FROM (SELECT ${list} FROM ${path}) r ORDER BY 1`,
    );
    rows[path] = found.map(({ row }) => row);
  }
  const catalog = await catalogOf(project);
  return {
    catalog: catalog.filter((line) => !line.includes('dbops_rescue')),
    rows,
    tracked: await ifThere(
      project,
      'dbops.migrations',
      'SELECT name FROM dbops.migrations ORDER BY 1',
    ),
    checkpoints: await ifThere(project, 'dbops.checkpoints', 'SELECT * FROM dbops.checkpoints'),
    copies: await copiesOf(project),
  };
}

async function copiesOf(project: Queryable): Promise<string[]> {
  const records = await ifThere<{ id: string; state: string; loss: unknown }>(
    project,
    'dbops_rescue.records',
    'SELECT id::text, migration, direction, loss, rows::int, state FROM dbops_rescue.records',
  );
  const copies: string[] = [];
  for (const { id, ...record } of records) {
    const table = `dbops_rescue.copy_${id}`;
    const [row] = await ifThere(project, table, `SELECT count(*)::int AS saved FROM ${table}`);
    copies.push(JSON.stringify({ ...record, ...row }));
  }
  return copies.toSorted();
}

async function ifThere<R extends object>(
  project: Queryable,
  table: string,
  sql: string,
): Promise<R[]> {
  const [row] = await project.query<{ is: boolean }>('SELECT to_regclass($1) IS NOT NULL AS is', [
    table,
  ]);
  return row?.is ? project.query<R>(sql) : [];
}
