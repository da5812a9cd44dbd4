import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readTables } from '../../../src/ddl/tables.ts';
import { differencesOf, judgeIn, type Difference } from '../../../src/catalog/differences.ts';
import { fullSnapshot, inScratchTransaction, objectName } from '../../../src/catalog/snapshot.ts';
import { openSession, type Session } from '../../../src/db/session.ts';
import { parseTarget } from '../../../src/db/target.ts';
import { dbops } from '../../../src/formats/dbops/index.ts';
import { proveRollback, settings } from '../../../src/rollback/prove.ts';
import { isProven } from '../../../src/rollback/rollback.ts';
import { describeDoubt } from '../../../src/rollback/describe.ts';
import type { Migration } from '../../../src/migration.ts';
import { cases } from '../../cases.ts';
import { createDatabase, servers, type Database } from '../../db/targets.ts';
import { ddl } from './random-ddl.ts';

const changes = cases(5);

describe.each(servers)('a rollback derived in the embedded shadow, on $name', (server) => {
  let shadow: Session;
  let live: Session;
  let database: Database;

  beforeAll(async () => {
    database = await createDatabase(server);
    live = await openSession(parseTarget(database.url), { application: 'test', path: 'DEFAULT' });
    shadow = await openSession(
      { kind: 'pglite', directory: null },
      { application: 'test', path: 'DEFAULT' },
    );
  });
  afterAll(async () => {
    await Promise.all([shadow.close(), live.close()]);
    await database.drop();
  });

  it(
    'restores the previous catalog when it is called proven',
    async () => {
      const refused: string[] = [];
      const counts = { proven: 0, refused: 0, idle: 0 };
      const base = fc.array(ddl(), { minLength: 20, maxLength: 60 });
      const change = fc.array(ddl(), { minLength: 2, maxLength: 16 });
      await fc.assert(
        fc.asyncProperty(base, change, async (first, second) => {
          await Promise.all([empty(shadow), empty(live)]);
          const made = await acceptedBy(shadow, first);
          const sql = (await acceptedTogetherBy(shadow, second)).join(';\n');
          if (sql === '') return void counts.idle++;
          const { rollback } = await proveRollback(shadow, migrationOf(sql), dbops);
          if (!isProven(rollback)) {
            counts.refused++;
            refused.push(
              `${made.join(';\n')}\n--\n${sql}\n--\n${rollback.doubts.flatMap(describeDoubt).join('\n')}`,
            );
            return;
          }
          counts.proven++;
          await live.script(made.join(';\n'));
          const before = await inScratchTransaction(live, () => fullSnapshot(live));
          const tables = await tablesOf(live);
          await live.script(`BEGIN; ${sql}; COMMIT`);
          const kept = (await tablesOf(live)).filter((oid) => tables.includes(oid));
          const down = rollback.statements.map((statement) => statement.sql).join(';\n');
          await live.script(`BEGIN; ${settings}; ${down}; COMMIT`);
          const left = await inScratchTransaction(live, async () =>
            differencesOf(before, await fullSnapshot(live), judgeIn(live)),
          );
          expect(left.map(wordsOf)).toEqual([]);
          // A table that existed before the migration is the same table, with its rows.
          expect(await tablesOf(live)).toEqual(expect.arrayContaining(kept));
        }),
        { numRuns: changes },
      );
      console.info(`${server.name}: ${JSON.stringify(counts)}`, ...refused);
    },
    60_000 + changes * 5_000,
  );
});

async function tablesOf(session: Session): Promise<number[]> {
  return [...(await readTables(session)).names.keys()];
}

function wordsOf({ change, object }: Difference): string {
  return `${change} ${object.kind} ${objectName(object)}`;
}

function migrationOf(sql: string): Migration {
  return { name: '0001_random', up: { kind: 'sql', file: '0001_random.up.sql', sql }, hash: '' };
}

async function empty(session: Session): Promise<void> {
  await session.script('ROLLBACK; DROP SCHEMA public CASCADE; CREATE SCHEMA public; RESET ALL');
}

/** Those of the statements that the server takes, one after the other. */
async function acceptedBy(session: Session, statements: readonly string[]): Promise<string[]> {
  const accepted: string[] = [];
  for (const sql of statements)
    await session.script(sql).then(
      () => accepted.push(sql),
      () => {},
    );
  return accepted;
}

/** Those that it takes in one transaction, which leaves no trace. */
async function acceptedTogetherBy(session: Session, statements: readonly string[]) {
  const accepted: string[] = [];
  await session.script('BEGIN');
  for (const sql of statements) {
    await session.script('SAVEPOINT each');
    await session.script(sql).then(
      () => accepted.push(sql),
      () => session.script('ROLLBACK TO each'),
    );
  }
  await session.script('ROLLBACK');
  return accepted;
}
