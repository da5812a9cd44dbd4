import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { describe, expect, vi } from 'vitest';
import { inTurn, servers, withDatabase } from '../db/targets.ts';
import {
  projectOn,
  withServerShadow,
  writeInto,
  writeProject,
  type Project,
} from '../migrate/project.ts';
import { catalogOf } from '../reference/catalog.ts';
import { writers, type FormatName } from '../repair/desync/folders.ts';
import { succeed } from './succeed.ts';

vi.setConfig({ testTimeout: 120_000 });

const tables = `CREATE TABLE t (id int PRIMARY KEY, a text NOT NULL); CREATE INDEX by_a ON t (a);
  INSERT INTO t SELECT n, n::text FROM generate_series(1, 20) n`;
const counters = `CREATE TABLE t (id int PRIMARY KEY, a int NOT NULL DEFAULT 0 CHECK (a >= 0), name text NOT NULL);
  CREATE INDEX by_a ON t (a); INSERT INTO t SELECT n, 0, 'x' FROM generate_series(1, 2000) n`;
const toNumber = 'ALTER TABLE t ALTER a TYPE int USING a::int;';

describe.each(servers)('a split migration on $name', (server) => {
  const it = inTurn(server, servers);
  it('reports the rows that do not convert before anything is dropped, and never fails the application', () =>
    withServerShadow(server, { '0001_t.up.sql': tables }, async (project) => {
      await succeed(project, 'migrate', 'up');
      await project.query(`UPDATE t SET a = 'none' WHERE id = 3`);
      project.write({ '0002_number.up.sql': toNumber });
      await succeed(project, 'migrate', 'expand-contract', '0002_number');
      await succeed(project, 'migrate', 'up', '--to', '0002_number');
      await project.query(`INSERT INTO t VALUES (30, 'not a number either')`);
      const up = await project.json('migrate', 'up');
      expect(up).toMatchObject({ exitCode: 1, error: { code: 'BACKFILL.INCOMPLETE' } });
      const { stdout, stderr } = await project.dbops('migrate', 'up');
      expect(stdout + stderr).toMatch(/none[^]*not a number either/);
      // As another tool would apply it, without the backfill.
      const prepare = readFileSync(
        join(project.root, 'migrations/0003_number_prepare.up.sql'),
        'utf8',
      );
      await expect(project.query(prepare)).rejects.toThrow(
        't has rows whose a has no value in a_new',
      );
      expect(await project.query('SELECT id, a FROM t WHERE id IN (3, 30) ORDER BY id')).toEqual([
        { id: 3, a: 'none' },
        { id: 30, a: 'not a number either' },
      ]);
      await project.query(`UPDATE t SET a = '0' WHERE id IN (3, 30)`);
      await succeed(project, 'migrate', 'up');
      expect(await project.query('SELECT sum(a)::int AS sum FROM t')).toEqual([{ sum: 207 }]);
    }));

  it('loses no write of an application that runs beside it', () =>
    withServerShadow(server, { '0001_t.up.sql': counters }, async (project) => {
      await succeed(project, 'migrate', 'up');
      project.write({
        '0002_big.up.sql': 'ALTER TABLE t ALTER a TYPE bigint; ALTER TABLE t RENAME name TO title;',
      });
      await succeed(project, 'migrate', 'expand-contract', '0002_big');
      const during = { isOver: false };
      const old = application(project, during, `a = a + 1, name = name || 'y' WHERE true`);
      await succeed(project, 'migrate', 'up', '--to', '0002_big');
      const next = application(
        project,
        during,
        `a_new = a_new + 1, title = title || 'z' WHERE a_new IS NOT NULL AND title IS NOT NULL`,
      );
      await succeed(project, 'migrate', 'up', '--to', '0003_big_prepare');
      during.isOver = true;
      const both = (await old) + (await next);
      const last = { isOver: false };
      const unaware = application(project, last, 'a = a + 1 WHERE true');
      await succeed(project, 'migrate', 'up');
      last.isOver = true;
      const [row] = await project.query(
        'SELECT sum(a)::int AS sum, sum(length(title))::int AS letters FROM t',
      );
      expect(row).toEqual({ sum: both + (await unaware), letters: 2000 + both });
    }));

  it('rolls back from every phase to the schema before', () =>
    withServerShadow(server, { '0001_t.up.sql': tables }, async (project) => {
      await succeed(project, 'migrate', 'up');
      const before = await applicationOf(project);
      project.write({
        '0002_number.up.sql': toNumber,
        '0002_number.down.sql': 'ALTER TABLE t ALTER a TYPE text USING a::text;',
      });
      await succeed(project, 'migrate', 'expand-contract', '0002_number');
      await succeed(project, 'migrate', 'up', '--to', '0003_number_prepare');
      await project.query(`UPDATE t SET a_new = 700 WHERE id = 1`);
      const plan = await project.dbops('migrate', 'plan', '--json');
      expect(JSON.parse(plan.stdout)).toMatchObject({ findings: [] });
      await succeed(project, 'migrate', 'down', '--steps', '2', '--yes', '--shadow-from', 'folder');
      expect(await applicationOf(project)).toEqual(before);
      await project.query(`UPDATE t SET a = a || '0' WHERE id = 2`);
      const rows = await project.query('SELECT a FROM t WHERE id < 3 ORDER BY id');
      expect(rows).toEqual([{ a: '700' }, { a: '20' }]);
      await succeed(project, 'migrate', 'up');
      expect(await project.query('SELECT a FROM t WHERE id = 1')).toEqual([{ a: 700 }]);
    }));

  const names: FormatName[] = ['drizzle', 'prisma'];
  it.each(names)('is written as files of %s', (name) =>
    withDatabase(server, async (url) => {
      const write = writers[name];
      const steps = [
        {
          slug: 'shop',
          sql: 'CREATE TABLE "Item" (id int PRIMARY KEY, "unitPrice" int NOT NULL);\n--> statement-breakpoint\nCREATE UNIQUE INDEX "Item_unitPrice_key" ON "Item" ("unitPrice");',
        },
        { slug: 'price', sql: 'ALTER TABLE "Item" RENAME COLUMN "unitPrice" TO "netPrice";' },
      ];
      const project = projectOn(url, writeProject(await write(steps.slice(0, 1))));
      writeInto(project.root, {
        'dbops.config.json': JSON.stringify({ shadowUrl: server.adminUrl }),
      });
      const format = ['--format', name];
      await succeed(project, 'migrate', 'up', ...format);
      await project.query('INSERT INTO "Item" SELECT n, n * 10 FROM generate_series(1, 9) n');
      writeInto(project.root, await write(steps));
      const { migrations } = await project.json('migrate', 'status', ...format);
      const last = migrations.at(-1)?.name ?? '';
      const cut = await project.json('migrate', 'expand-contract', last, ...format);
      expect({ exitCode: cut.exitCode, error: cut.error }).toEqual({ exitCode: 0 });
      const up = await project.json('migrate', 'up', ...format);
      expect({ exitCode: up.exitCode, error: up.error, count: up.migrations.length }).toEqual({
        exitCode: 0,
        count: 3,
      });
      const rows = await project.query('SELECT sum("netPrice")::int AS sum FROM "Item"');
      expect(rows).toEqual([{ sum: 450 }]);
      const status = await project.json('migrate', 'status', ...format);
      expect(status.exitCode).toBe(0);
      const down = await project.json('migrate', 'down', '--yes', ...format);
      expect(down).toMatchObject({ exitCode: 2, error: { code: 'ROLLBACK.UNPROVEN' } });
    }),
  );
});

/** Changes one row after the other until the run is over; returns how many rows it changed. */
async function application(
  { url }: Project,
  run: { isOver: boolean },
  change: string,
): Promise<number> {
  const client = new pg.Client(url);
  await client.connect();
  let changed = 0;
  for (let n = 0; n < 20_000 && !run.isOver; n += 1) {
    const sql = `UPDATE t SET ${change} AND id = ${1 + ((n * 7) % 2000)}`;
    changed += (await client.query(sql)).rowCount ?? 0;
  }
  await client.end();
  return changed;
}

/** Objects of the application. */
async function applicationOf(project: Project): Promise<string[]> {
  return (await catalogOf(project)).filter((line) => !/dbops_rescue|dbops\./.test(line));
}
