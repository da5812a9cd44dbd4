import type { Session } from './session.ts';

/**
 * Whether something between us and the server shares its connections (PgBouncer, Neon's `-pooler`,
 * Supavisor): the process that the handshake named is then not the one that answers.
 *
 * Transaction mode can't be told from session mode without luck, so both count: what holds in the
 * first holds in the second.
 */
export async function isPooled(session: Session): Promise<boolean> {
  if (session.server.kind === 'pglite') return false;
  const [row] = await session.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  return row?.pid !== session.pid;
}
