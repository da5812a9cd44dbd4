import { openSession, type Session } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';

/** Opens a database for as long as `work` runs: an embedded one has one user at a time. */
export async function withSession<T>(
  url: string,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  const session = await openSession(parseTarget(url), {
    application: 'dbops test',
    path: 'DEFAULT',
  });
  try {
    return await work(session);
  } finally {
    await session.close();
  }
}
