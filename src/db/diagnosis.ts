import { describeActivity, holderOf } from './lock.ts';
import { endOfLife } from './server-health.ts';
import type { Session } from './session.ts';
import { isPooler } from './target.ts';

export interface ConnectionCheck {
  name: string;
  state: 'ok' | 'warn' | 'fail';
  detail: string;
  /** What to do when the state is not `ok`. */
  help?: string;
}

type Diagnose = (session: Session, clock: () => Date) => Promise<ConnectionCheck>;

const supported = { from: 15, to: 18 };

const version: Diagnose = async ({ server }, clock) => {
  const isSupported = server.major >= supported.from && server.major <= supported.to;
  const detail = `${server.kind === 'pglite' ? 'embedded PostgreSQL' : 'PostgreSQL'} ${server.version}`;
  const ended = endOfLife(server.major, clock().toISOString().slice(0, 10));
  if (isSupported && ended !== undefined)
    return {
      name: 'version',
      state: 'warn',
      detail: `${detail}, which has received no corrections since ${ended}`,
      help: 'Upgrade the server to a newer major version.',
    };
  if (isSupported) return { name: 'version', state: 'ok', detail };
  return {
    name: 'version',
    state: 'fail',
    detail,
    help: `dbops supports PostgreSQL ${supported.from} to ${supported.to}.`,
  };
};

const writable: Diagnose = async (session) => {
  const [row] = await session.query<{ replica: boolean; readonly: string }>(
    `SELECT pg_is_in_recovery() AS replica, current_setting('default_transaction_read_only') AS readonly`,
  );
  if (row?.replica)
    return {
      name: 'writable',
      state: 'fail',
      detail: 'this is a replica',
      help: 'Use the URL of the primary.',
    };
  if (row?.readonly === 'on')
    return {
      name: 'writable',
      state: 'warn',
      detail: 'default_transaction_read_only is on',
      help: 'Reports work. Migrations need a role and a database without this setting.',
    };
  return { name: 'writable', state: 'ok', detail: 'primary' };
};

const rights: Diagnose = async (session) => {
  const [row] = await session.query<{ user: string; database: boolean; schema: boolean }>(
    `SELECT current_user AS "user", has_database_privilege(current_database(), 'CREATE') AS database,
            coalesce(has_schema_privilege(to_regnamespace('public')::oid, 'CREATE'), false) AS schema`,
  );
  const user = row?.user ?? '';
  const lacking = [
    ...(row?.database ? [] : ['CREATE on the database (schema dbops)']),
    ...(row?.schema ? [] : ['CREATE on schema public']),
  ];
  if (lacking.length === 0)
    return { name: 'rights', state: 'ok', detail: `${user} may create schemas and tables` };
  return {
    name: 'rights',
    state: 'fail',
    detail: `${user} lacks ${lacking.join(' and ')}`,
    help: `Grant it as the owner: GRANT CREATE ON DATABASE … TO ${user}; GRANT CREATE ON SCHEMA public TO ${user};`,
  };
};

interface Rights {
  user: string;
  usage: boolean;
  mayCreate: boolean;
  unreadable: string[];
}

const ownTables: Diagnose = async (session) => {
  const name = 'own tables';
  const [row] = await session.query<Rights>(
    `SELECT current_user AS "user", has_schema_privilege(n.oid, 'USAGE') AS usage,
            has_schema_privilege(n.oid, 'CREATE') AS "mayCreate",
            ARRAY(SELECT 'dbops.' || relname FROM pg_class
                   WHERE relnamespace = n.oid AND relkind IN ('r', 'p')
                     AND NOT has_table_privilege(oid, 'SELECT') ORDER BY 1) AS unreadable
       FROM pg_namespace n WHERE nspname = 'dbops'`,
  );
  if (!row) return { name, state: 'ok', detail: 'none: the schema dbops does not exist yet' };
  const { user, usage, mayCreate, unreadable } = row;
  const lacking = [
    ...(usage ? [] : ['USAGE on schema dbops']),
    ...(unreadable.length > 0 ? [`SELECT on ${unreadable.join(', ')}`] : []),
  ];
  if (lacking.length === 0) {
    const missing = mayCreate ? '' : '; commands that write also need CREATE on it';
    return { name, state: 'ok', detail: `${user} may read schema dbops${missing}` };
  }
  return {
    name,
    state: 'fail',
    detail: `${user} lacks ${lacking.join(' and ')}`,
    help: `Grant it as the owner: GRANT USAGE ON SCHEMA dbops TO ${user}; GRANT SELECT ON ALL TABLES IN SCHEMA dbops TO ${user};`,
  };
};

const pooler: Diagnose = async (session) => {
  const name = 'pooler';
  if (session.isPooled)
    return {
      name,
      state: 'warn',
      detail:
        'a connection pooler answers: the handshake names another server process than the one that runs the queries',
      help: 'Behind a pooler, migrations hold their lock in a transaction on a second connection. Set DATABASE_URL_UNPOOLED to the direct URL to avoid this.',
    };
  const detail = isPooler(session.target)
    ? 'none, although the host or port looks like a pooler'
    : 'none: the server answers directly';
  return { name, state: 'ok', detail };
};

const extensions: Diagnose = async (session) => {
  const rows = await session.query<{ name: string }>(
    `SELECT extname || ' ' || extversion AS name FROM pg_extension ORDER BY 1`,
  );
  return {
    name: 'extensions',
    state: 'ok',
    detail: rows.map(({ name }) => name).join(', ') || 'none',
  };
};

const clockDifference: Diagnose = async (session, clock) => {
  const sent = clock().getTime();
  const [row] = await session.query<{ now: Date }>('SELECT clock_timestamp() AS now');
  const middle = (sent + clock().getTime()) / 2;
  const seconds = ((row?.now.getTime() ?? middle) - middle) / 1_000;
  const detail = `${Math.abs(seconds).toFixed(1)} s ${seconds < 0 ? 'behind' : 'ahead of'} this machine`;
  if (Math.abs(seconds) < 5) return { name: 'clock', state: 'ok', detail };
  return {
    name: 'clock',
    state: 'warn',
    detail,
    help: 'Periods and reset dates use the clock of this machine. Correct the clock that is wrong.',
  };
};

const connections: Diagnose = async (session) => {
  const [row] = await session.query<{ used: number; allowed: number }>(
    `SELECT count(*)::int AS used, current_setting('max_connections')::int AS allowed FROM pg_stat_activity WHERE backend_type = 'client backend'`,
  );
  const { used = 0, allowed = 0 } = row ?? {};
  const detail = `${used} of ${allowed} connections in use`;
  if (used < allowed * 0.8) return { name: 'connections', state: 'ok', detail };
  return {
    name: 'connections',
    state: 'warn',
    detail,
    help: 'Close idle connections: dbops needs up to three.',
  };
};

const runnerLock: Diagnose = async (session) => {
  const holder = await holderOf(session);
  if (!holder) return { name: 'migration lock', state: 'ok', detail: 'free' };
  return {
    name: 'migration lock',
    state: 'warn',
    detail: describeActivity(holder),
    help: 'Wait until that run has finished.',
  };
};

const diagnoses: Diagnose[] = [
  version,
  writable,
  rights,
  ownTables,
  pooler,
  extensions,
  clockDifference,
  connections,
  runnerLock,
];

/** Checks everything that the other commands depend on. */
export async function diagnose(session: Session, clock: () => Date): Promise<ConnectionCheck[]> {
  const results: ConnectionCheck[] = [];
  for (const look of diagnoses) results.push(await look(session, clock));
  return results;
}
