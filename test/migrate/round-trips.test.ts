import { describe, expect, it, vi } from 'vitest';
import type { Session } from '../../src/db/session.ts';
import { targets, withDatabase } from '../db/targets.ts';
import { withSession } from '../db/session.ts';

import { migrate } from './in-session.ts';
import { writeFolder } from './project.ts';

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index + 1);

describe.each(targets)('the runner on $name', (target) => {
  it('sends a file with its tracking row in one message, however many statements it has', () =>
    withDatabase(target, (url) =>
      withSession(url, async (session) => {
        const tables = (file: number) =>
          numbers(100).map((table) => `CREATE TABLE t_${file}_${table} ();`);
        const files = (count: number) =>
          numbers(count).map((file) => [`${file}_t.up.sql`, tables(file).join('\n')]);
        const one = await messagesOf(session, files(1));
        const ten = await messagesOf(session, files(11));
        expect(ten - one).toBe(9);
        const [row] = await session.query('SELECT count(*)::int AS rows FROM dbops.migrations');
        expect(row).toEqual({ rows: 11 });
      }),
    ));

  it('begins the transaction of a module in the message of its first statement', () =>
    withDatabase(target, (url) =>
      withSession(url, async (session) => {
        const module = (table: string) =>
          `export const up = async (db) => { for (const name of ['a', 'b', 'c'])
             await db.schema.createTable('${table}_' + name).execute(); };`;
        const files = (count: number) =>
          numbers(count).map((file) => [`${file}_t.ts`, module(`t_${file}`)]);
        const one = await messagesOf(session, files(1));
        const eleven = await messagesOf(session, files(11));
        expect(eleven - one).toBe(9 * (3 + 1)); // one of the eleven is applied
        const [row] = await session.query('SELECT count(*)::int AS rows FROM dbops.migrations');
        expect(row).toEqual({ rows: 11 });
      }),
    ));
});

/** How many messages a run of the folder sends. */
async function messagesOf(session: Session, files: string[][]): Promise<number> {
  const root = writeFolder(Object.fromEntries(files));
  const sent = vi.spyOn(session.client, 'query');
  await migrate(session, root, 'up');
  const count = sent.mock.calls.length;
  sent.mockRestore();
  return count;
}
