import type { Context } from '../context.ts';
import { openSession, type Session } from '../db/session.ts';
import { parseTarget } from '../db/target.ts';
import { checkTimeout } from './read-rows.ts';

/** Runs `work` with a connection to each server, and closes all of them. */
export async function withReplicas<T>(
  { io }: Context,
  urls: readonly string[],
  work: (replicas: readonly Session[]) => Promise<T>,
): Promise<T> {
  const opened: Session[] = [];
  try {
    for (const url of urls) {
      const target = parseTarget(url, io.environment, io.cwd);
      if (target.kind === 'postgres') io.secrets.push(...target.secrets);
      const options = { application: 'dbops verify', statementTimeout: checkTimeout };
      opened.push(await openSession(target, { ...options, signal: io.signal }));
    }
    return await work(opened);
  } finally {
    await Promise.allSettled(opened.map((each) => each.close()));
  }
}
