import { expect } from 'vitest';
import type { Project } from '../migrate/project.ts';

/** A migration that writes down which advisory locks its own session holds. */
export const recordLocks = `CREATE TABLE locks AS SELECT classid::bigint << 32 | objid::bigint AS key
  FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();`;

const locksOf = async ({ query }: Project) =>
  (await query<{ key: bigint }>('SELECT key FROM locks')).map(({ key }) => key);

/** Expects that a run of dbops held the one lock that a run of the tool held. */
export async function expectToolLock(ours: Project, theirs: Project): Promise<void> {
  const [key, ...others] = await locksOf(theirs);
  expect(others).toEqual([]);
  expect(await locksOf(ours)).toContain(key);
}
