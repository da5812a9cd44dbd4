import { existsSync, mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import { endIdleEngines } from '../../src/db/engine-process.ts';
import { startEngine } from '../../src/db/pglite.ts';
import { isFaultOfFolder } from '../../src/shadow/replay-error.ts';
import { replay } from '../../src/shadow/replay.ts';
import { withShadow } from '../../src/shadow/shadow.ts';
import { dbops } from '../../src/formats/dbops/index.ts';
import { engineLossOf } from '../../src/db/engine-error.ts';
import { openSession, type Session } from '../../src/db/session.ts';
import type { Migration } from '../../src/migration.ts';
import { runShell, program } from '../cli/run-cli.ts';
import { enginesOf, isRunning } from './engines.ts';
import { withSession } from './session.ts';

const { signal } = new AbortController();

function migrationOf(sql: string): Migration {
  return {
    name: '0001_first',
    hash: '',
    up: { kind: 'sql', file: '/folder/0001_first.up.sql', sql },
  };
}

/** Sends a query that takes a while, and ends the engine in the midst of it. */
async function dieIn(shadow: Session, how: NodeJS.Signals): Promise<unknown> {
  const query = shadow.query('SELECT pg_sleep(5)');
  for (const engine of enginesOf(process.pid)) process.kill(engine, how);
  return query;
}

describe.runIf(inject('pglite'))('the engine of a shadow', () => {
  it.each(['SIGKILL', 'SIGSEGV', 'SIGTRAP'] as const)(
    'is started again when it dies of %s, and the work is done from its beginning',
    async (how) => {
      let attempts = 0;
      const rows = await withShadow({ signal }, async (shadow) => {
        await shadow.script('CREATE TABLE a (x int)');
        if (attempts++ === 0) await dieIn(shadow, how);
        return shadow.query('SELECT count(*)::int AS n FROM a');
      });
      expect({ rows, attempts }).toEqual({ rows: [{ n: 0 }], attempts: 2 });
    },
  );

  it('is named by the next error when it dies between two statements', async () => {
    const session = await openSession({ kind: 'pglite', directory: null }, { application: 'test' });
    const ended = new Promise<void>((resolve) => session.client.once('end', resolve));
    for (const engine of enginesOf(process.pid)) process.kill(engine, 'SIGKILL');
    await ended;
    const error: unknown = await session.query('SELECT 1').catch((thrown: unknown) => thrown);
    expect(engineLossOf(error)?.message).toContain('engine stopped (SIGKILL)');
  });

  it('fails with an error that names the engine when it dies twice', async () => {
    let attempts = 0;
    const work = withShadow({ signal }, (shadow) => {
      attempts++;
      return dieIn(shadow, 'SIGSEGV');
    });
    await expect(work).rejects.toMatchObject({
      code: 'SHADOW.LOST',
      exitCode: 1,
      message: expect.stringContaining('The embedded PostgreSQL engine of the shadow database'),
      reason: ['The embedded PostgreSQL engine stopped (SIGSEGV)'],
    });
    expect(attempts).toBe(2);
    expect(enginesOf(process.pid)).toEqual([]);
  });

  it('is not started again for an error of SQL', async () => {
    let attempts = 0;
    const work = withShadow({ signal }, (shadow) => {
      attempts++;
      return shadow.query('SELECT nothing');
    });
    await expect(work).rejects.toMatchObject({ code: '42703' });
    expect(attempts).toBe(1);
  });

  it('names the migration in which it dies, and does not blame the folder', async () => {
    const error: unknown = await withShadow({ signal }, (shadow) => {
      const run = replay(shadow, [migrationOf('SELECT pg_sleep(5)')], dbops);
      for (const engine of enginesOf(process.pid)) process.kill(engine, 'SIGKILL');
      return run;
    }).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'SHADOW.LOST',
      message: expect.stringContaining('while it replayed 0001_first'),
    });
    expect(isFaultOfFolder(error)).toBe(false);
  });

  it('blames the file that raises the SQLSTATE of a lost connection', async () => {
    const sql = `DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = '57P01'; END $$`;
    const error: unknown = await withShadow({ signal }, (shadow) =>
      replay(shadow, [migrationOf(sql)], dbops),
    ).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'SHADOW.REPLAY' });
    expect(isFaultOfFolder(error)).toBe(true);
  });

  it('answers results that are larger than any buffer', async () => {
    const rows = await withShadow({ signal }, (shadow) =>
      shadow.query<{ t: string }>("SELECT repeat('x', 1000000) AS t FROM generate_series(1, 20)"),
    );
    expect(rows.map(({ t }) => t.length)).toEqual(Array.from({ length: 20 }, () => 1_000_000));
  });

  it('takes a statement that is larger than any buffer', async () => {
    const rows = await withShadow({ signal }, (shadow) =>
      shadow.query('SELECT length($1) AS n', ['y'.repeat(5_000_000)]),
    );
    expect(rows).toEqual([{ n: 5_000_000 }]);
  });
});

describe.runIf(inject('pglite'))('the process of an engine', () => {
  const processes = () => enginesOf(process.pid);

  it('opens one empty database after the other', async () => {
    await endIdleEngines();
    const facts = `SELECT count(*)::int AS tables, current_setting('work_mem') AS memory
      FROM pg_class WHERE relnamespace = 'public'::regnamespace`;
    const seen = [];
    for (let round = 0; round < 3; round++) {
      seen.push(
        await withShadow({ signal }, async (shadow) => {
          const rows = await shadow.query(facts);
          await shadow.script("CREATE TABLE a (x int); SET work_mem = '1MB'");
          return { rows, processes: processes() };
        }),
      );
    }
    expect(seen[0]?.rows).toEqual([{ tables: 0, memory: '4MB' }]);
    expect(seen[0]?.processes).toHaveLength(1);
    expect(seen).toEqual([seen[0], seen[0], seen[0]]);
  });

  it('releases a directory when it is closed, with all that was committed', async () => {
    await endIdleEngines();
    const data = join(mkdtempSync(join(inject('scratch'), 'engine-')), 'data');
    await withSession(`pglite:${data}`, (session) => session.script('CREATE TABLE a AS SELECT 1'));
    expect(processes()).toHaveLength(1);
    expect(existsSync(`${data}.lock`)).toBe(false);
    const { exitCode, stdout } = await runShell(
      `${program} doctor --json --database-url 'pglite:${data}'`,
    );
    expect({ exitCode, stdout }).toMatchObject({ exitCode: 0 });
    const again = await withSession(`pglite:${data}`, (session) => session.query('TABLE a'));
    expect(again).toEqual([{ '?column?': 1 }]);
  });

  it('is offered to no database while it is being ended', async () => {
    const directory = mkdtempSync(join(inject('scratch'), 'engine-'));
    const open = (name: string) =>
      withSession(`pglite:${join(directory, name)}`, (session) => session.query('SELECT 1 AS n'));
    await open('first');
    const ended = endIdleEngines();
    expect(await open('second')).toEqual([{ n: 1 }]);
    await ended;
  });

  it('serves two databases at once from two processes', async () => {
    await endIdleEngines();
    const counts = await withShadow({ signal }, async (outer) => {
      await outer.script('CREATE TABLE a (x int)');
      const inner = await withShadow({ signal }, (shadow) =>
        shadow.query("SELECT to_regclass('a') AS a"),
      );
      return { inner, processes: processes().length };
    });
    expect(counts).toEqual({ inner: [{ a: null }], processes: 2 });
    await endIdleEngines();
    expect(processes()).toEqual([]);
  });

  it('ends with a database that loaded an extension', async () => {
    await endIdleEngines();
    const modules = ['@electric-sql/pglite/contrib/citext'];
    await withShadow({ signal, extensions: { modules, standIns: {} } }, (shadow) =>
      shadow.script('CREATE EXTENSION citext'),
    );
    expect(processes()).toEqual([]);
  });

  it('ends when its answer was not awaited', async () => {
    await endIdleEngines();
    const socket = await startEngine(null);
    const [engine = 0] = processes();
    const body = Buffer.from('user\0postgres\0database\0postgres\0\0');
    const startup = Buffer.alloc(8);
    startup.writeUInt32BE(body.length + 8, 0);
    startup.writeUInt32BE(0x00030000, 4);
    socket.write(Buffer.concat([startup, body]));
    await new Promise<void>((resolve) => {
      socket.write(Buffer.from('X\0\0\0\x04', 'latin1'), () => resolve());
    });
    expect(isRunning(engine)).toBe(false);
  });

  it('does not keep dbops running', async () => {
    const here = import.meta.dirname;
    const script = `import { withShadow } from '${join(here, '../../src/shadow/shadow.ts')}';
      import { enginesOf } from '${join(here, 'engines.ts')}';
      const { signal } = new AbortController();
      await withShadow({ signal }, (shadow) => shadow.query('SELECT 1'));
      process.on('exit', () => console.log(enginesOf(process.pid).length));`;
    const { exitCode, stdout } = await runShell(
      `'${process.execPath}' --no-warnings --input-type=module-typescript -e "${script}"`,
    );
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: '1\n' });
  });
});
