import { beforeAll, describe, expect, it } from 'vitest';
import { dbops } from '../../src/formats/dbops/index.ts';
import { endIdleEngines } from '../../src/db/engine-process.ts';
import { replay } from '../../src/shadow/replay.ts';
import { withShadow, type ShadowOptions } from '../../src/shadow/shadow.ts';
import type { Session } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';
import type { Migration, Script } from '../../src/migration.ts';
import { folderOf, runCli } from '../cli/run-cli.ts';
import { casesOn, servers, targets, withDatabase } from '../db/targets.ts';
import { enginesOf } from '../db/engines.ts';
import { withSession } from '../db/session.ts';

/** Owns the scratch databases of this file: others make theirs on the same server at the same time. */
const owner = 'shadow_test';

const shadows = targets.map((target) => {
  const url = target.kind === 'server' ? asOwner(target.adminUrl) : undefined;
  return {
    name: target.name,
    target,
    url,
    server: url === undefined ? undefined : parseTarget(url),
    /** How many scratch databases there are. */
    async left(): Promise<number> {
      if (url === undefined) return 0;
      const sql = `SELECT 1 FROM pg_database WHERE datdba = '${owner}'::regrole`;
      return withSession(url, async (session) => (await session.query(sql)).length);
    },
  };
});

function asOwner(adminUrl: string): string {
  const url = new URL(adminUrl);
  url.username = owner;
  return url.href;
}

beforeAll(async () => {
  for (const { adminUrl } of servers)
    await withSession(adminUrl, (session) => session.script(`CREATE ROLE ${owner} LOGIN CREATEDB`));
});

function migrationOf(sql: string): Migration {
  const up: Script = { kind: 'sql', file: '/folder/0001_first.up.sql', sql };
  return { name: '0001_first', hash: '', up };
}

const never = [
  ['a statement that waits', 'SELECT pg_sleep(1000)'],
  ['an endless loop', 'DO $$ BEGIN LOOP END LOOP; END $$'],
  ['an endless query', 'SELECT count(*) FROM generate_series(1, 1e15::bigint)'],
];

const failing: [where: string, sql: string, line: number, cause: string][] = [
  [
    'at its position',
    'CREATE TABLE a (id int);\n\nCREATE TABLE b (id intger);\n',
    3,
    '42704: type "intger"',
  ],
  [
    'after letters of more than one byte',
    "SELECT 'äöü😀';\nSELECT nothing",
    2,
    '42703: column "nothing"',
  ],
  [
    'at its statement, without a position',
    'CREATE TABLE a (id int);\nSELECT 1;\n\nDROP TABLE b',
    4,
    '42P01: table "b"',
  ],
  [
    'without a transaction',
    '-- dbops: no-transaction\nCREATE TABLE a (id int);\nDROP TABLE b',
    3,
    '42P01: table "b"',
  ],
  [
    'with wrong syntax',
    'SELECT 1;\nCREATE TABEL x ()',
    2,
    '42601: syntax error at or near "TABEL"',
  ],
];

describe.each(shadows)('a shadow on $name', ({ target, url, server, left }) => {
  const { signal } = new AbortController();
  const run = (sql: string, options: Partial<ShadowOptions> = {}) =>
    withShadow({ server, signal, ...options }, (shadow) =>
      replay(shadow, [migrationOf(sql)], dbops),
    );

  it('is empty, and gone afterwards', async () => {
    const sql = "SELECT 1 FROM pg_class WHERE relnamespace = 'public'::regnamespace";
    let before: unknown;
    await withShadow({ server, signal }, async (shadow: Session) => {
      before = await shadow.query(sql);
      expect(await workers()).toBe(server ? 0 : 1);
    });
    expect(before).toEqual([]);
    expect(await workers()).toBe(0);
    expect(await left()).toBe(0);
  });

  // One server ends a session as another does.
  const waits = server ? casesOn(target, never, servers) : never;

  it.each(waits)('is ended by its time limit in %s', async (_, sql) => {
    const turns = countTurns();
    await expect(run(sql, { timeLimit: 2_000 })).rejects.toMatchObject({
      code: 'SHADOW.TIMEOUT',
      exitCode: 1,
      message: 'The shadow replay did not end within 2 s.',
    });
    expect(turns.stop()).toBeGreaterThan(10);
    expect(await left()).toBe(0);
    expect(await workers()).toBe(0);
  });

  it.each(waits)('is ended by an interruption in %s', async (_, sql) => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 2_000);
    await expect(run(sql, { signal: controller.signal })).rejects.toMatchObject({
      code: 'INTERRUPTED',
      exitCode: 130,
    });
    expect(await left()).toBe(0);
    expect(await workers()).toBe(0);
  });

  it('does nothing when it was interrupted before', async () => {
    const aborted = AbortSignal.abort();
    await expect(run('SELECT pg_sleep(1000)', { signal: aborted })).rejects.toMatchObject({
      code: 'INTERRUPTED',
    });
    expect(await workers()).toBe(0);
  });

  it.each(casesOn(target, failing))(
    'reports where a migration fails %s',
    async (_, sql, line, cause) => {
      const failure = run(sql);
      await expect(failure).rejects.toMatchObject({ code: 'SHADOW.REPLAY', exitCode: 1 });
      await expect(failure).rejects.toMatchObject({
        message: expect.stringContaining('0001_first does not run on an empty database'),
        hint: expect.stringContaining('--shadow-url'),
        reason: [
          expect.stringMatching(new RegExp(`folder/0001_first\\.up\\.sql:${line}$`)),
          expect.stringContaining(`${line} | `),
          expect.stringContaining('^'),
          expect.stringContaining(cause),
        ],
      });
      expect(await left()).toBe(0);
    },
  );

  it('serves verify', () =>
    withDatabase(targets[0] ?? expect.fail(), async (database) => {
      const migrations = folderOf({ '0001_a.up.sql': 'CREATE TABLE a (id int PRIMARY KEY)' });
      const at = ['--database-url', database, '--migrations', migrations];
      const shadow = url ? ['--shadow-url', url] : [];
      await runCli(['migrate', 'up', ...at]);
      const answer = await runCli(['verify', ...at, ...shadow]);
      expect(answer).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining('No problems found'),
      });
      expect(await left()).toBe(0);
    }));
});

/** Whether the event loop goes on meanwhile. */
function countTurns(): { stop(): number } {
  let turns = 0;
  const timer = setInterval(() => turns++, 50);
  return {
    stop() {
      clearInterval(timer);
      return turns;
    },
  };
}

/** Returns how many embedded databases are open. */
async function workers(): Promise<number> {
  await endIdleEngines();
  return enginesOf(process.pid).length;
}
