import type { AdvisoryLocks } from '../db/advisory-locks.ts';
import { holderOf, lockedOut, untilHad, type Waiting } from '../db/lock.ts';
import { ensureOwnSchema } from '../db/own-schema.ts';
import { quoteLiteral } from '../db/quote.ts';
import { transaction, type Session } from '../db/session.ts';
import type { Folder, HostLock } from '../formats/format.ts';

interface Guarded extends Waiting {
  session: Session;
  folder: Folder;
  /** The locks of this run, among them the runner's own. */
  locks: AdvisoryLocks;
  /** Reaches the database when the session has been lost. */
  anotherSession: () => Promise<Session>;
}

/**
 * Holds the lock of the folder's own tool around `work`, so that the tool and dbops never run
 * together.
 *
 * @throws code 7 naming the holder, or how to unlock, when it is not had in time
 */
export async function withHostLock<T>(guarded: Guarded, work: () => Promise<T>): Promise<T> {
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
  return work(); // the key goes back with the other locks
}

type RowLock = Extract<HostLock, { kind: 'row' }>;

/** A row outlives the process that set it, so what is ours is noted beside it. */
async function withRow<T>(guarded: Guarded, row: RowLock, work: () => Promise<T>): Promise<T> {
  const { session, folder, anotherSession } = guarded;
  await session.script(folder.tracking.create);
  const note = await noteOf(session, folder);
  const take = async () => (await taken(session, row, note)) || (await retaken(session, row, note));
  await untilHad(
    take,
    async () => undefined,
    guarded,
    () =>
      lockedOut(
        'LOCK.HOST',
        `The lock of ${folder.format.name} is set: it runs, or it was killed while it did.`,
        undefined,
        row.unlock,
      ),
  );
  try {
    return await work();
  } finally {
    const release = `${row.release}; ${note.remove}`;
    await session
      .script(release)
      .catch(async () => (await anotherSession()).script(release))
      .catch(() => {}); // the next run finds the note
  }
}

/** SQL that notes that the row is set by dbops; empty where we may not have a table of our own. */
interface Note {
  add: string;
  remove: string;
  find: string;
}

async function noteOf(session: Session, { tracking }: Folder): Promise<Note> {
  const table = quoteLiteral(tracking.table);
  try {
    await session.script(`${ensureOwnSchema}
      CREATE TABLE IF NOT EXISTS dbops.host_locks (
        tracking text CONSTRAINT host_locks_pkey PRIMARY KEY,
        taken_at timestamptz NOT NULL DEFAULT now())`);
  } catch {
    return { add: '', remove: '', find: 'SELECT WHERE false' };
  }
  return {
    add: `INSERT INTO dbops.host_locks (tracking) VALUES (${table}) ON CONFLICT (tracking) DO UPDATE SET taken_at = now()`,
    remove: `DELETE FROM dbops.host_locks WHERE tracking = ${table}`,
    find: `SELECT FROM dbops.host_locks WHERE tracking = ${table}`,
  };
}

function taken(session: Session, { take }: RowLock, note: Note): Promise<boolean> {
  return transaction(session, async () => {
    const isTaken = (await session.query(take)).length > 0;
    if (isTaken) await session.script(note.add);
    return isTaken;
  });
}

/** We hold the runner's lock: a dbops that noted the row as its own no longer lives. */
async function retaken(session: Session, row: RowLock, note: Note): Promise<boolean> {
  if ((await session.query(note.find)).length === 0) return false;
  await session.script(`${row.release}; ${note.remove}`);
  return taken(session, row, note);
}
