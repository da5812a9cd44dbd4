import type { AdvisoryLocks } from '../db/advisory-locks.ts';
import { activitiesWhere, holderOf, lockedOut, untilHad, type Waiting } from '../db/lock.ts';
import { ensureOwnSchema } from '../db/own-schema.ts';
import { quoteLiteral } from '../db/quote.ts';
import { transaction, type Session } from '../db/session.ts';
import { DbopsError } from '../errors.ts';
import type { Folder, HostLock } from '../formats/format.ts';

interface HostLockRequest extends Waiting {
  session: Session;
  folder: Folder;
  /** The locks of this run, including the runner's own. */
  locks: AdvisoryLocks;
  /** Opens another connection when the session was lost. */
  anotherSession: () => Promise<Session>;
}

/**
 * Holds the lock of the folder's tool around `work`, so that the tool and dbops never run at the
 * same time.
 * @throws code 7 that names the holder, or how to unlock
 */
export async function withHostLock<T>(
  guarded: HostLockRequest,
  work: () => Promise<T>,
): Promise<T> {
  const { format, hostLock = format.hostLock } = guarded.folder;
  if (!hostLock) return work();
  if (hostLock.kind === 'row') return withRow(guarded, hostLock, work);
  const { key } = hostLock;
  await untilHad(
    () => guarded.locks.tryLock(key),
    () => holderOf(guarded.session, key),
    guarded,
    (holder) => lockedOut('LOCK.HOST', `The lock of ${format.name} is held.`, holder),
  );
  return work(); // released with the other locks
}

type RowLock = Extract<HostLock, { kind: 'row' }>;

/**
 * A lock row remains after its process has ended, so dbops records beside it that it is the holder.
 */
async function withRow<T>(
  guarded: HostLockRequest,
  row: RowLock,
  work: () => Promise<T>,
): Promise<T> {
  const { session, folder, anotherSession } = guarded;
  await session.script(folder.tracking.create);
  const note = await noteOf(session, folder);
  let taking: string | undefined;
  const take = async () => {
    taking = (await taken(session, row, note)) ?? (await retaken(session, row, note));
    return taking !== undefined;
  };
  await untilHad(
    take,
    () => userOf(session, folder),
    guarded,
    (holder) =>
      lockedOut(
        'LOCK.HOST',
        `${folder.format.name} holds its lock, or was killed while it held it.`,
        holder,
        row.unlock,
      ),
  ).catch(async (error: unknown) => {
    throw error instanceof DbopsError
      ? error.with({ reason: await historyOf(session, note) })
      : error;
  });
  try {
    return await work();
  } finally {
    await given(session, row, note, taking)
      .catch(async () => given(await anotherSession(), row, note, taking))
      .catch(() => {}); // the next run reads the record
  }
}

/** Returns SQL that records dbops as the holder; empty where the role may not create the table. */
interface Note {
  add: (taking: string) => string;
  remove: string;
  find: string;
}

async function noteOf(session: Session, { tracking }: Folder): Promise<Note> {
  const table = quoteLiteral(tracking.table);
  try {
    await session.script(`${ensureOwnSchema}
      CREATE TABLE IF NOT EXISTS dbops.host_locks (
        tracking text CONSTRAINT host_locks_pkey PRIMARY KEY,
        taking text,
        taken_at timestamptz NOT NULL DEFAULT now());
      ALTER TABLE dbops.host_locks ADD COLUMN IF NOT EXISTS taking text`);
  } catch {
    return { add: () => '', remove: '', find: 'SELECT WHERE false' };
  }
  return {
    add: (
      taking,
    ) => `INSERT INTO dbops.host_locks (tracking, taking) VALUES (${table}, ${quoteLiteral(taking)})
      ON CONFLICT (tracking) DO UPDATE SET taking = excluded.taking, taken_at = now()`,
    remove: `DELETE FROM dbops.host_locks WHERE tracking = ${table}`,
    find: `SELECT taking, taken_at::text AS since FROM dbops.host_locks WHERE tracking = ${table}`,
  };
}

/** Sets the lock row where it is free; returns what identifies this lock. */
function taken(session: Session, row: RowLock, note: Note): Promise<string | undefined> {
  return transaction(session, async () => {
    if ((await session.query(row.take)).length === 0) return undefined;
    const taking = (await takingOf(session, row)) ?? '';
    await session.script(note.add(taking));
    return taking;
  });
}

/**
 * This session holds the runner's lock, so the dbops that set the row has ended. But the row may
 * have been unlocked since, and set again by the tool.
 */
async function retaken(session: Session, row: RowLock, note: Note): Promise<string | undefined> {
  const [noted] = await session.query<{ taking: string | null }>(note.find);
  if (!noted?.taking) return undefined;
  const isFree = await given(session, row, note, noted.taking);
  return isFree ? taken(session, row, note) : undefined;
}

/** Clears the lock row, unless another process has set it since. */
function given(session: Session, row: RowLock, note: Note, taking?: string): Promise<boolean> {
  return transaction(session, async () => {
    const isOurs = (await takingOf(session, row)) === taking;
    if (isOurs) await session.script(`${row.release}; ${note.remove}`);
    return isOurs;
  });
}

async function takingOf(session: Session, { held }: RowLock): Promise<string | undefined> {
  const rows = await session.query<{ taking: string }>(held);
  return rows.length > 0 ? rows.map(({ taking }) => taking).join(', ') : undefined;
}

/**
 * Returns a session that may be the tool's: it has the tool's application_name or holds locks on
 * its tables.
 */
async function userOf(session: Session, { format, tracking }: Folder) {
  const tables = tracking.tables.map((table) => quoteLiteral(table)).join(', ');
  const [user] = await activitiesWhere(
    session,
    `a.datname = current_database() AND a.pid <> ${session.pid} AND a.application_name NOT LIKE 'dbops%'
       AND (strpos(lower(a.application_name), ${quoteLiteral(format.name)}) > 0
         OR a.pid IN (SELECT l.pid FROM pg_locks l JOIN pg_class c ON c.oid = l.relation
                       JOIN pg_namespace n ON n.oid = c.relnamespace
                      WHERE l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                        AND concat_ws('.', n.nspname, c.relname) IN (${tables})))`,
  );
  return user;
}

/** The state of a lock that dbops no longer holds. */
async function historyOf(session: Session, { find }: Note): Promise<string[]> {
  const [noted] = await session.query<{ since: string }>(find).catch(() => []);
  if (!noted) return [];
  return [
    `A dbops process that was killed set it at ${noted.since}; since then it was unlocked and set again by another process.`,
  ];
}
