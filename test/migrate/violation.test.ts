import { describe, expect, it, vi } from 'vitest';
import { app, inTurn, servers, targets } from '../db/targets.ts';
import { catalogOf } from '../reference/catalog.ts';
import { organizationId, projectOn, withClient, withProject } from './project.ts';

const weight = 'ALTER TABLE products ADD COLUMN weight int NOT NULL;';

// PGlite opens in half a second, and on a busy machine in several.
vi.setConfig({ testTimeout: 60_000 });

/** Three products of two shops; the third is of a shop that is not there. */
const shop = `CREATE TABLE shops (id int PRIMARY KEY, name text);
  CREATE TABLE products (id int PRIMARY KEY, shop_id int, sku text, price int, legacy text);
  CREATE TABLE empty (id int PRIMARY KEY);
  INSERT INTO shops VALUES (1, 'North'), (2, NULL);
  INSERT INTO products VALUES (4, 1, 'a', 5, NULL), (7, 2, 'a', -1, NULL), (9, 3, NULL, 8, 'x');
  ANALYZE products;`;

interface Failure {
  sql: string;
  /** A line of the reason. */
  says: string;
  /** A part of the way out. */
  advises: string;
}

const failures: [string, Failure][] = [
  [
    'a column that is added NOT NULL',
    {
      sql: 'ALTER TABLE products ADD COLUMN weight numeric(6, 2) NOT NULL;',
      says: '3 rows of public.products have no weight: the column is added NOT NULL without a default',
      advises: 'ALTER TABLE "public"."products" ADD COLUMN "weight" numeric(6, 2);',
    },
  ],
  [
    'SET NOT NULL',
    {
      sql: 'ALTER TABLE shops ALTER COLUMN name SET NOT NULL;',
      says: '1 row of public.shops has no name (id: 2)',
      advises: 'SELECT * FROM "public"."shops" WHERE "name" IS NULL;',
    },
  ],
  [
    'SET NOT NULL on a column of the same file',
    {
      sql: `ALTER TABLE products ADD COLUMN tax int;
        UPDATE products SET tax = 7 WHERE id < 9;
        ALTER TABLE products ALTER COLUMN tax SET NOT NULL;`,
      says: 'public.products has 3 rows; some of them violate NOT NULL of tax, which refers to a column that this file adds',
      advises: 'Fill tax in every row before it becomes NOT NULL',
    },
  ],
  [
    'a check',
    {
      sql: `ALTER TABLE products ADD CONSTRAINT price_check CHECK (products.price >= 0 AND price <> 8 -- dear
        );`,
      says: '2 rows of public.products violate price_check',
      advises: 'SELECT * FROM "public"."products" WHERE NOT (products.price >= 0',
    },
  ],
  [
    'a check that has no name yet',
    {
      sql: 'ALTER TABLE products ADD CHECK (id > 0), ADD CHECK (price > 0);',
      says: '1 row of public.products violates CHECK (price > 0) (id: 7)',
      advises: 'SELECT * FROM "public"."products" WHERE NOT (price > 0);',
    },
  ],
  [
    'a foreign key',
    {
      sql: 'ALTER TABLE products ADD CONSTRAINT shop_fk FOREIGN KEY (shop_id) REFERENCES shops;',
      says: '1 row of public.products has a shop_id that does not exist in public.shops (id: 9)',
      advises:
        'ADD CONSTRAINT "shop_fk" FOREIGN KEY ("shop_id") REFERENCES "public"."shops" ("id") NOT VALID;',
    },
  ],
  [
    'a unique constraint',
    {
      sql: 'ALTER TABLE products ADD CONSTRAINT sku_key UNIQUE (sku);',
      says: '2 rows of public.products share 1 value of sku (sku: a)',
      advises: 'GROUP BY "sku" HAVING count(*) > 1;',
    },
  ],
  [
    'a unique index on an expression, which is not read',
    {
      sql: 'CREATE UNIQUE INDEX one_key ON products ((1 + 0));',
      says: 'SQLSTATE 23505',
      advises: 'Correct ',
    },
  ],
  [
    'a unique index over nulls, in part of the table',
    {
      sql: 'CREATE UNIQUE INDEX sku_key ON public.products (sku) WHERE price < 6;',
      says: '2 rows of public.products share 1 value of sku (sku: a)',
      advises: 'WHERE (price < 6',
    },
  ],
  [
    'a constraint that is validated',
    {
      sql: `ALTER TABLE products VALIDATE CONSTRAINT old_check;`,
      says: '1 row of public.products violates old_check, CHECK ((legacy IS NULL)) (id: 9)',
      advises: 'SELECT * FROM "public"."products" WHERE NOT ((legacy IS NULL));',
    },
  ],
];

describe.each(targets)('rows that forbid a migration on $name', (target) => {
  it('are reported for the whole file, as far as the data stays unchanged', () =>
    withProject(target, { '0001_shop.up.sql': shop }, async (project) => {
      const demands = `ALTER TABLE products ADD COLUMN a int NOT NULL, ADD COLUMN b text NOT NULL;
        ALTER TABLE shops ADD COLUMN c int NOT NULL;
        ALTER TABLE empty ADD COLUMN d int NOT NULL;
        ALTER TABLE products ADD COLUMN e int NOT NULL DEFAULT 1;
        ALTER TABLE products ADD CONSTRAINT price_check CHECK (price > 0);
        ALTER TABLE products ADD COLUMN g int;
        ALTER TABLE products ALTER COLUMN g SET NOT NULL;
        DELETE FROM products;
        ALTER TABLE products ADD COLUMN f int NOT NULL;`;
      await project.dbops('migrate', 'up');
      project.write({ '0002_change.up.sql': demands });
      const { stderr } = await project.dbops('migrate', 'up');
      const told = stderr
        .slice(stderr.indexOf('error '))
        .split('\n')
        .filter((line) => line.includes(' public.'));
      expect(told.map((line) => line.trim())).toEqual([
        '3 rows of public.products have no a: the column is added NOT NULL without a default',
        'Also: 3 rows of public.products have no b: the column is added NOT NULL without a default',
        'Also: 2 rows of public.shops have no c: the column is added NOT NULL without a default',
        'Also: 1 row of public.products violates price_check, CHECK (price > 0) (id: 7)',
      ]);
    }));
});

describe.each(servers)('rows that forbid a migration on $name', (server) => {
  const it = inTurn(server, servers);
  it('are counted and named, with the fix, and nothing is changed', () =>
    withProject(server, { '0001_shop.up.sql': shop }, async (project) => {
      await project.dbops('migrate', 'up');
      await project.query(
        'ALTER TABLE products ADD CONSTRAINT old_check CHECK (legacy IS NULL) NOT VALID',
      );
      const before = await catalogOf(project);
      for (const [what, { sql, says, advises }] of failures) {
        project.write({ '0002_change.up.sql': sql });
        const { exitCode, stderr } = await project.dbops('migrate', 'up');
        expect({ what, exitCode, stderr }).toMatchObject({
          what,
          exitCode: 1,
          stderr: expect.stringContaining(says),
        });
        expect(stderr).toContain(advises);
        expect(stderr).toContain('rolled back');
      }
      expect(await catalogOf(project)).toEqual(before);
    }));

  it('are not looked for when the migration brings the row itself', () =>
    withProject(server, { '0001_shop.up.sql': shop }, async (project) => {
      await project.dbops('migrate', 'up');
      project.write({ '0002_row.up.sql': `INSERT INTO shops VALUES (1, 'again');` });
      const { stderr } = await project.dbops('migrate', 'up');
      expect(stderr).toContain('Detail: Key (id)=(1) already exists.');
      expect(stderr).not.toContain('rows of');
    }));

  it('are named with the backfill that fills the column', () =>
    withProject(
      server,
      {
        '0001_access.up.sql': `CREATE TABLE content_access (id uuid PRIMARY KEY DEFAULT gen_random_uuid());
          INSERT INTO content_access DEFAULT VALUES;`,
        '0002_tenancy.up.sql':
          'ALTER TABLE content_access ADD COLUMN organization_id uuid NOT NULL;',
        '../backfills/organization-id.json': organizationId['backfills/organization-id.json'],
      },
      async (project) => {
        const { stderr } = await project.dbops('migrate', 'up');
        expect(stderr).toContain('1 row of public.content_access has no organization_id');
        expect(stderr).toContain('    dbops backfill run organization-id\n');
      },
    ));

  it('are named with the command that splits the file, which then fills them', () =>
    withProject(
      server,
      {
        '0001_shop.up.sql': `CREATE TABLE teams (id int PRIMARY KEY, plan text NOT NULL);
          CREATE TABLE seats (id int PRIMARY KEY, team int REFERENCES teams, label text);
          INSERT INTO teams VALUES (1, 'free'), (2, 'pro'); INSERT INTO seats VALUES (1, 1), (2, 2);`,
        '0002_plan.up.sql': `ALTER TABLE seats ADD COLUMN plan text NOT NULL;
          ALTER TABLE seats ALTER COLUMN label SET NOT NULL;`,
      },
      async (project) => {
        const { stderr } = await project.dbops('migrate', 'up');
        expect(stderr).toContain('2 rows of public.seats have no plan');
        const [, command = ''] = /: dbops (migrate expand-contract \S+)\n/.exec(stderr) ?? [];
        const [verb = '', noun = '', file = ''] = command.split(' ');
        expect(file).toMatch(/0002_plan\.up\.sql$/);
        const split = await project.dbops(verb, noun, file, '--set', "seats.label = 'none'");
        expect(split.stderr).not.toContain('error');
        expect(split.stdout).toContain(
          'seats: plan = teams.plan  (foreign key seats_team_fkey: team references teams (id))',
        );
        expect(split.stdout).toContain("seats: label = 'none'  (--set)");
        expect(await project.dbops('migrate', 'up')).toMatchObject({ exitCode: 0 });
        expect(await project.query('SELECT plan, label FROM seats ORDER BY id')).toEqual([
          { plan: 'free', label: 'none' },
          { plan: 'pro', label: 'none' },
        ]);
      },
    ));

  it('are counted outside a transaction too', () =>
    withProject(server, { '0001_shop.up.sql': shop }, async (project) => {
      await project.dbops('migrate', 'up');
      project.write({
        '0002_change.up.sql': `-- dbops: no-transaction
          CREATE INDEX CONCURRENTLY ok ON products (id);
          CREATE UNIQUE INDEX CONCURRENTLY sku_key ON products (sku);`,
      });
      const { stderr } = await project.dbops('migrate', 'up');
      expect(stderr).toContain('2 rows of public.products share 1 value of sku (sku: a)');
    }));

  it('are counted for a module', () =>
    withProject(server, { '0001_shop.up.sql': shop }, async (project) => {
      await project.dbops('migrate', 'up');
      project.write({
        '0002_change.ts': `import { sql } from 'kysely';
          export const up = (db) => sql\`${weight}\`.execute(db);`,
      });
      const { exitCode, stderr } = await project.dbops('migrate', 'up');
      expect(exitCode).toBe(1);
      expect(stderr).toContain(
        'public.products has 3 rows; some of them violate NOT NULL of weight',
      );
    }));

  it('of a table that somebody else has are passed over', () =>
    withProject(server, { '0001_shop.up.sql': shop }, async (project) => {
      await project.dbops('migrate', 'up');
      project.write({
        '0002_change.up.sql': `${weight}
          ALTER TABLE shops ADD COLUMN c int NOT NULL;
          ALTER TABLE products ADD COLUMN b int NOT NULL;`,
      });
      await withClient(project.url, async (client) => {
        await client.query('BEGIN; LOCK TABLE shops');
        const { exitCode, stderr } = await project.dbops('migrate', 'up');
        expect(exitCode).toBe(1);
        expect(stderr).toContain('\n  3 rows of public.products have no weight');
        expect(stderr).toContain('Also: 3 rows of public.products have no b');
        expect(stderr).not.toContain('public.shops');
      });
    }));

  it('are not counted after some seconds, and the failure is reported nevertheless', () =>
    withProject(server, { '0001_shop.up.sql': shop }, async (project) => {
      await project.dbops('migrate', 'up');
      // Slow for whoever only reads.
      await project.query(`CREATE FUNCTION is_fair(price int) RETURNS boolean LANGUAGE plpgsql AS $$
        BEGIN
          IF current_setting('transaction_read_only')::boolean THEN PERFORM pg_sleep(60); END IF;
          RETURN price > 0;
        END $$`);
      project.write({
        '0002_change.up.sql': 'ALTER TABLE products ADD CONSTRAINT fair CHECK (is_fair(price));',
      });
      const { exitCode, stderr } = await project.dbops('migrate', 'up');
      expect(exitCode).toBe(1);
      expect(stderr).toContain('SQLSTATE 23514');
      expect(stderr).toContain(
        'public.products has about 3 rows; the rows that violate fair, CHECK (is_fair(price)) could not be counted in time',
      );
    }));

  it('are not counted where a policy hides some', () =>
    withProject(server, { '0001_shop.up.sql': shop }, async (project) => {
      await project.dbops('migrate', 'up');
      await project.query(`GRANT ALL ON SCHEMA dbops, public TO ${app.user}`);
      await project.query(`GRANT ALL ON ALL TABLES IN SCHEMA dbops TO ${app.user}`);
      await project.query(`ALTER TABLE products OWNER TO ${app.user}`);
      await project.query('ALTER TABLE products ENABLE ROW LEVEL SECURITY');
      await project.query('ALTER TABLE products FORCE ROW LEVEL SECURITY');
      project.write({ '0002_change.up.sql': weight });
      const { stderr } = await projectOn(asOwner(project.url), project.root).dbops('migrate', 'up');
      expect(stderr).toContain('about 3 rows of public.products have no weight');
    }));
});

/** The address as the role that owns the table, which is no superuser: those see through policies. */
function asOwner(url: string): string {
  const address = new URL(url);
  Object.assign(address, { username: app.user, password: app.password });
  return address.href;
}
