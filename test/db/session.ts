import { openSession, type Session } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';
import { createDatabase, type Target } from './targets.ts';

/** Opens a database for as long as `work` runs: an embedded one has one user at a time. */
export async function withSession<T>(
  url: string,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openUrl(url);
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}

/** A new database with a session, for `beforeAll`; `end` closes and drops it in `afterAll`. */
export interface OpenDatabase {
  session: Session;
  end(): Promise<void>;
}

export async function openDatabase(target: Target): Promise<OpenDatabase> {
  const database = await createDatabase(target);
  const session = await openUrl(database.url);
  return {
    session,
    async end() {
      await session.close();
      await database.drop();
    },
  };
}

function openUrl(url: string): Promise<Session> {
  return openSession(parseTarget(url), { application: 'dbops test', path: 'DEFAULT' });
}
