import { describe, expect, inject, it } from 'vitest';
import { isFaultOfFolder } from '../../src/shadow/replay-error.ts';
import { replay } from '../../src/shadow/replay.ts';
import { withShadow } from '../../src/shadow/shadow.ts';
import { dbops } from '../../src/formats/dbops/index.ts';
import type { Session } from '../../src/db/session.ts';
import type { Migration } from '../../src/migration.ts';
import { enginesOf } from './engines.ts';

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
