import { describe, expect } from 'vitest';
import { readFolder } from '../../src/formats/open-folder.ts';
import { replay } from '../../src/shadow/replay.ts';
import { withSession } from '../db/session.ts';
import { targets, withDatabase, type Target, inTurn } from '../db/targets.ts';
import { migrate } from './in-session.ts';
import { writeFolder } from './project.ts';

const log = `CREATE TABLE log (id serial, xact text DEFAULT pg_current_xact_id()::text);`;
const note = 'INSERT INTO log DEFAULT VALUES;';

/** Files and the statements of each that must share a transaction, as numbers of transactions. */
const files: [name: string, sql: string, transactions: number[]][] = [
  ['a plain file', `${note} ${note}`, [0, 0]],
  ['a file that ends in a comment', `${note} ${note} -- done`, [0, 0]],
  ['a file with no-transaction', `-- dbops: no-transaction\n${note} ${note}`, [0, 1]],
];
const filesOfServers: typeof files = [
  [
    'CREATE INDEX CONCURRENTLY',
    `-- dbops: no-transaction\n${note} CREATE INDEX CONCURRENTLY i ON log (xact); ${note}`,
    [0, 1],
  ],
];

describe.each(targets)('one execution of a file on $name', (target) => {
  const it = inTurn(target);
  const all = target.kind === 'server' ? [...files, ...filesOfServers] : files;

  it.each(all)('cuts %s into the same transactions in a run and in a replay', (_, sql, cut) =>
    withDatabase(target, async (live) => {
      const root = writeFolder({
        '0001_log.up.sql': log,
        '0002_file.up.sql': sql,
      });
      await withSession(live, (session) => migrate(session, root, 'up'));
      expect(await transactionsIn(live)).toEqual(cut);
      expect(await transactionsOfReplay(target, root)).toEqual(cut);
    }),
  );
});

function transactionsOfReplay(target: Target, root: string): Promise<number[]> {
  return withDatabase(target, async (url) => {
    const { migrations, format } = readFolder({ root });
    await withSession(url, async (session) => {
      await session.script('SET search_path TO DEFAULT');
      await replay(session, migrations, format);
    });
    return transactionsIn(url);
  });
}

/** The transaction of each logged statement, numbered in their order. */
async function transactionsIn(url: string): Promise<number[]> {
  const rows = await withSession(url, (session) =>
    session.query<{ xact: string }>('SELECT xact FROM public.log ORDER BY id'),
  );
  const distinct = [...new Set(rows.map(({ xact }) => xact))];
  return rows.map(({ xact }) => distinct.indexOf(xact));
}
