import { readdirSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { splitMigration } from '../../src/expand-contract/plan.ts';
import { piecesOf } from '../../src/sql/alter-table.ts';
import { inTurn, servers, withDatabase } from '../db/targets.ts';
import { projectOn, writeInto, withServerShadow, writeProject } from '../migrate/project.ts';
import { catalogOf } from '../reference/catalog.ts';
import { writers, type FormatName } from '../repair/desync/folders.ts';

vi.setConfig({ testTimeout: 120_000 });

const split = async (sql: string) =>
  splitMigration(await piecesOf(sql), {
    hasTable: ({ name }) => name !== 'fresh',
    isVolatile: (name) => name === 'gen_random_uuid',
    isPartitioned: ({ name }) => name === 'parted',
    primaryKeyOf: () => undefined,
  });

describe('splitMigration', () => {
  it.each([
    ['ALTER TABLE t ADD COLUMN a int NOT NULL', 'ALTER TABLE "t" ADD COLUMN "a" int'],
    ['ALTER TABLE t ADD a int', 'ALTER TABLE t ADD a int'],
    [
      "ALTER TABLE t ADD COLUMN a text DEFAULT 'x' NOT NULL",
      "ALTER TABLE t ADD COLUMN a text DEFAULT 'x' NOT NULL",
    ],
    [
      'ALTER TABLE t ADD a int NOT NULL, DROP b',
      'ALTER TABLE "t" ADD COLUMN "a" int; ALTER TABLE t DROP b',
    ],
    ['ALTER TABLE fresh ADD COLUMN a int NOT NULL', 'ALTER TABLE fresh ADD COLUMN a int NOT NULL'],
    [
      'CREATE TABLE n (a int); CREATE INDEX i ON n (a); ALTER TABLE n ALTER a SET NOT NULL',
      'CREATE TABLE n (a int); CREATE INDEX i ON n (a); ALTER TABLE n ALTER a SET NOT NULL',
    ],
    [
      'ALTER TABLE t ADD a numeric(10, 2) NOT NULL REFERENCES o (id) ON DELETE CASCADE DEFERRABLE UNIQUE',
      'ALTER TABLE "t" ADD COLUMN "a" numeric(10, 2)',
    ],
    [
      'ALTER TABLE t ADD a uuid DEFAULT gen_random_uuid() NOT NULL',
      'ALTER TABLE "t" ADD COLUMN "a" uuid; ALTER TABLE "t" ALTER COLUMN "a" SET DEFAULT gen_random_uuid()',
    ],
    ['CREATE INDEX i ON t (a)', ''],
  ])('keeps the expand part of %s', async (sql, expand) => {
    expect((await split(sql)).expand.join('; ')).toBe(expand);
  });

  it('moves constraints to the contract part, with the names that the server gives', async () => {
    const { contract, columns, undo } = await split(
      'ALTER TABLE t ADD a int NOT NULL REFERENCES o (id) ON DELETE CASCADE DEFERRABLE CHECK (a > 0)',
    );
    expect(columns).toEqual([{ table: { name: 't' }, name: 'a' }]);
    const text = contract.join('\n');
    expect(text).toContain(
      'ADD CONSTRAINT "t_a_fkey" FOREIGN KEY ("a") REFERENCES o (id) ON DELETE CASCADE DEFERRABLE NOT VALID',
    );
    expect(text).toContain('ADD CONSTRAINT "t_a_check" CHECK (a > 0) NOT VALID');
    expect(text.indexOf('NOT NULL')).toBeLessThan(text.indexOf('FOREIGN KEY'));
    expect(undo.join()).toContain('DROP CONSTRAINT "t_a_fkey"');
  });

  it('adds NOT VALID behind a constraint with comments', async () => {
    const { contract } = await split(
      'ALTER TABLE t ADD CONSTRAINT c CHECK (a > 0) -- why\n, /* and */ ADD CONSTRAINT d CHECK (b > 0) -- because',
    );
    expect(contract).toContain('ALTER TABLE "t" ADD CONSTRAINT "c" CHECK (a > 0) NOT VALID');
    expect(contract).toContain('ALTER TABLE "t" ADD CONSTRAINT "d" CHECK (b > 0) NOT VALID');
  });
});

const shop = {
  '0001_shop.up.sql': `CREATE TABLE content (id int PRIMARY KEY, organization_id int);
    CREATE TABLE purchases (id int PRIMARY KEY, content_id int REFERENCES content (id), amount int);
    INSERT INTO content VALUES (1, 7), (2, 8);
    INSERT INTO purchases SELECT n, 1 + n % 2, n FROM generate_series(1, 50) n`,
  '0001_shop.down.sql': 'DROP TABLE purchases; DROP TABLE content',
};

const tenancy = 'ALTER TABLE purchases ADD COLUMN organization_id int NOT NULL;';

const second = {
  '0002_tenancy.up.sql': `${tenancy}
    ALTER TABLE purchases ADD CONSTRAINT positive CHECK (amount > 0);
    ALTER TABLE purchases ADD UNIQUE (amount);
    CREATE INDEX by_organization ON purchases (organization_id);`,
  '0002_tenancy.down.sql': `DROP INDEX by_organization;
    ALTER TABLE purchases DROP CONSTRAINT purchases_amount_key, DROP CONSTRAINT positive, DROP COLUMN organization_id;`,
};

describe.each(servers)('migrate expand-contract on $name', (server) => {
  const it = inTurn(server, servers);
  it('produces the catalog of the unsplit migration, and rolls back', () =>
    withServerShadow(server, shop, async (project) => {
      let whole: string[] = [];
      await withServerShadow(server, { ...shop, ...second }, async (empty) => {
        writeInto(empty.root, {
          'migrations/0001_shop.up.sql': shop['0001_shop.up.sql'].replaceAll(
            /INSERT[^;]*(;|$)/g,
            '',
          ),
        });
        expect(await empty.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
        whole = await applicationOf(empty);
      });
      await project.json('migrate', 'up');
      const before = await applicationOf(project);
      project.write(second);
      expect(await project.json('migrate', 'expand-contract', '0002_tenancy')).toMatchObject({
        exitCode: 0,
        backfills: ['organization-id'],
      });
      expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
      expect(await applicationOf(project)).toEqual(whole);
      const [row] = await project.query('SELECT sum(organization_id)::int AS sum FROM purchases');
      expect(row).toEqual({ sum: 25 * 15 });
      const down = await project.json('migrate', 'down', '--steps', '2');
      expect(down).toMatchObject({ exitCode: 0 });
      expect(await applicationOf(project)).toEqual(before);
    }));

  const tables = `CREATE TABLE content (id int PRIMARY KEY, organization_id int);
    CREATE TABLE purchases (id int PRIMARY KEY, content_id int REFERENCES content (id), amount int);`;

  const names: FormatName[] = [
    'dbmate',
    'supabase',
    'prisma',
    'drizzle',
    'drizzle 1.0',
    'node-pg-migrate',
  ];
  it.each(names)('writes the files of %s as its tool has them', (name) =>
    withDatabase(server, async (url) => {
      const write = writers[name];
      const steps = [
        { slug: 'shop', sql: tables },
        { slug: 'tenancy', sql: tenancy },
      ];
      const project = projectOn(url, writeProject(await write(steps.slice(0, 1))));
      const format = ['--format', name.replace(/ .*/, '')];
      expect(await project.json('migrate', 'up', ...format)).toMatchObject({ exitCode: 0 });
      await project.query(
        'INSERT INTO content VALUES (1, 7); INSERT INTO purchases VALUES (1, 1, 1)',
      );
      writeInto(project.root, await write(steps));
      const { migrations } = await project.json('migrate', 'status', ...format);
      const last = migrations.at(-1)?.name ?? '';
      expect(await project.json('migrate', 'expand-contract', last, ...format)).toMatchObject({
        exitCode: 0,
      });
      const up = await project.json('migrate', 'up', ...format);
      expect(up).toMatchObject({ exitCode: 0 });
      expect(up.migrations).toHaveLength(2);
      const [row] = await project.query(
        `SELECT organization_id, (SELECT attnotnull FROM pg_attribute WHERE attrelid = 'purchases'::regclass
            AND attname = 'organization_id') AS "isRequired" FROM purchases`,
      );
      expect(row).toEqual({ organization_id: 7, isRequired: true });
    }),
  );

  it('rejects an applied migration, and one that is not the last', () =>
    withServerShadow(
      server,
      { ...shop, '0002_a.up.sql': tenancy, '0003_b.up.sql': 'SELECT 1' },
      async (project) => {
        await project.json('migrate', 'up', '--to', '0001_shop');
        const codeOf = async (file: string) =>
          (await project.json('migrate', 'expand-contract', file)).error?.code;
        expect(await codeOf('0001_shop')).toBe('EXPAND.APPLIED');
        expect(await codeOf('0002_a')).toBe('EXPAND.NOT_LAST');
        expect(await codeOf('0003_b')).toBe('EXPAND.NOTHING');
        expect(await codeOf('0004_c')).toBe('EXPAND.UNKNOWN');
      },
    ));
});

/** Objects of the application. */
async function applicationOf(project: Parameters<typeof catalogOf>[0]): Promise<string[]> {
  return (await catalogOf(project)).filter((line) => !/dbops/.test(line));
}

interface Naming {
  tables: string;
  migration: string;
  words?: string[];
  /** SQL of a number that is 0 where every row has the value of its source. */
  wrong: string;
}

const namings: Record<string, Naming> = {
  'mixed case, as Prisma writes it': {
    tables: `CREATE TABLE "Project" (id int PRIMARY KEY, "workspaceId" int);
      CREATE TABLE "Task" (id int PRIMARY KEY, "projectId" int REFERENCES "Project");
      INSERT INTO "Project" VALUES (1, 7), (2, 8); INSERT INTO "Task" VALUES (1, 1), (2, 2), (3, 2)`,
    migration: 'ALTER TABLE "Task" ADD COLUMN "workspaceId" INTEGER NOT NULL;',
    wrong: `SELECT count(*) FROM "Task" t JOIN "Project" p ON p.id = t."projectId" WHERE t."workspaceId" <> p."workspaceId"`,
  },
  'reserved words': {
    tables: `CREATE TABLE "user" (id int PRIMARY KEY, "group" int);
      CREATE TABLE "order" (id int PRIMARY KEY, "select" int REFERENCES "user");
      INSERT INTO "user" VALUES (1, 7), (2, 8); INSERT INTO "order" VALUES (1, 1), (2, 2)`,
    migration: 'ALTER TABLE "order" ADD COLUMN "group" int NOT NULL;',
    wrong: `SELECT count(*) FROM "order" o JOIN "user" u ON u.id = o."select" WHERE o."group" <> u."group"`,
  },
  'a schema that is not on the search_path': {
    tables: `CREATE SCHEMA "CRM"; CREATE TABLE "CRM".team (id int PRIMARY KEY, org int);
      CREATE TABLE "CRM"."Member" (id int PRIMARY KEY, team int REFERENCES "CRM".team);
      INSERT INTO "CRM".team VALUES (1, 7), (2, 8); INSERT INTO "CRM"."Member" VALUES (1, 1), (2, 2)`,
    migration: 'ALTER TABLE "CRM"."Member" ADD org int NOT NULL;',
    wrong: `SELECT count(*) FROM "CRM"."Member" m JOIN "CRM".team t ON t.id = m.team WHERE m.org <> t.org`,
  },
  'two tables of one name': {
    tables: `CREATE SCHEMA a; CREATE TABLE a.task (id int PRIMARY KEY, org int);
      CREATE TABLE task (id int PRIMARY KEY, of int REFERENCES a.task);
      INSERT INTO a.task VALUES (1, 7), (2, 8); INSERT INTO task VALUES (1, 1), (2, 2)`,
    migration: 'ALTER TABLE task ADD org int NOT NULL;',
    wrong: 'SELECT count(*) FROM task t JOIN a.task s ON s.id = t.of WHERE t.org <> s.org',
  },
  'a value of --set for names with quotes, dots and spaces': {
    tables: `CREATE TABLE "T.1 ""a" (id int PRIMARY KEY); INSERT INTO "T.1 ""a" VALUES (1), (2)`,
    migration: 'ALTER TABLE "T.1 ""a" ADD "a/b C" int NOT NULL;',
    words: ['--set', '"T.1 ""a"."a/b C" = id + 1'],
    wrong: `SELECT count(*) FROM "T.1 ""a" WHERE "a/b C" <> id + 1`,
  },
};

describe.each(servers)('the names of a split migration on $name', (server) => {
  const it = inTurn(server, servers);
  it.each(Object.entries(namings))('may be %s', (_, { tables, migration, words = [], wrong }) =>
    withServerShadow(server, { '0001_tables.up.sql': tables }, async (project) => {
      await project.json('migrate', 'up');
      project.write({ '0002_more.up.sql': migration });
      const cut = await project.json('migrate', 'expand-contract', '0002_more', ...words);
      expect({ exitCode: cut.exitCode, error: cut.error }).toEqual({ exitCode: 0 });
      const up = await project.json('migrate', 'up');
      expect({ exitCode: up.exitCode, error: up.error }).toEqual({ exitCode: 0 });
      expect(await project.query(`SELECT (${wrong})::int AS wrong`)).toEqual([{ wrong: 0 }]);
    }),
  );

  it('are refused in --set where the migration adds no such column; nothing is written', () =>
    withServerShadow(
      server,
      { '0001_tables.up.sql': namings['mixed case, as Prisma writes it']?.tables ?? '' },
      async (project) => {
        await project.json('migrate', 'up');
        project.write({
          '0002_more.up.sql': 'ALTER TABLE "Task" ADD COLUMN "dueAt" date NOT NULL;',
        });
        const cutWith = (...words: string[]) =>
          project.json('migrate', 'expand-contract', '0002_more', ...words);
        const folded = await cutWith('--set', 'Task.dueAt = now()');
        expect(folded).toMatchObject({ exitCode: 2, error: { code: 'EXPAND.SET' } });
        expect(folded.error?.hint).toContain('"Task"."dueAt"');
        const unknown = await cutWith();
        expect(unknown.error?.message).toContain(`--set '"Task"."dueAt" = EXPRESSION'`);
        expect(readdirSync(project.root)).not.toContain('backfills');
        project.write({ '0002_more.up.sql': 'ALTER TABLE "Task" ADD CHECK ("id" > 0);' });
        const none = await cutWith('--set', '"Task"."id" = 1');
        expect(none.error?.hint).toBe(
          'The migration adds no such column; run the command without --set.',
        );
      },
    ));

  it('are read before a run applies its first migration', () =>
    withServerShadow(
      server,
      {
        '0001_t.up.sql': 'CREATE TABLE t (id int)',
        '0002_contract.up.sql':
          '-- dbops: requires-backfill broken\nALTER TABLE t ALTER id SET NOT NULL',
      },
      async (project) => {
        const unknown = await project.json('migrate', 'up');
        expect(unknown).toMatchObject({ exitCode: 2, error: { code: 'BACKFILL.UNKNOWN' } });
        writeInto(project.root, {
          'backfills/broken.json': '{"targets": [{"table": "order", "set": "a = 1"}]}',
        });
        expect(await project.json('migrate', 'up')).toMatchObject({
          exitCode: 2,
          error: { code: 'EXPRESSION', message: expect.stringContaining('table of broken') },
        });
        expect(await project.query("SELECT to_regclass('t') AS t")).toEqual([{ t: null }]);
      },
    ));
});
