import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { newest, newestAndEmbedded, type Target } from '../db/targets.ts';
import { withProject } from '../migrate/project.ts';

/**
 * The work on 30,000 rows counts as long, so that the tests need no large tables. The shadow is on the server,
 * where it takes the least CPU time.
 */
function configuration(target: Target, maxBlocked: string) {
  const shadow = target.kind === 'pglite' ? {} : { shadowUrl: target.adminUrl };
  return { '../dbops.config.json': JSON.stringify({ plan: { maxBlocked }, ...shadow }) };
}

const first = `CREATE TABLE customers (id bigint PRIMARY KEY, name text);
  CREATE TABLE orders (id bigint PRIMARY KEY, customer_id bigint, note text, total int);
  CREATE TABLE plans (id int PRIMARY KEY, title text);
  INSERT INTO customers SELECT n, 'c' || n FROM generate_series(1, 30000) n;
  INSERT INTO orders SELECT n, n, 'n' || n, n FROM generate_series(1, 30000) n;
  INSERT INTO plans SELECT n, 'p' || n FROM generate_series(1, 5) n;
  CREATE INDEX orders_note ON orders (note);
  ANALYZE;`;

const document = z.object({
  findings: z.array(
    z.object({
      code: z.string(),
      where: z.object({ object: z.string(), line: z.number().optional() }),
      message: z.string(),
      help: z.string(),
    }),
  ),
  migrations: z.array(
    z.object({ statements: z.array(z.object({ sql: z.string(), verdict: z.string() })) }),
  ),
});

function codesOf(stdout: string): string[] {
  const { findings } = document.parse(JSON.parse(stdout));
  return findings.map(({ code, where }) => `${code} ${where.object} ${where.line ?? ''}`.trim());
}

const changes = `-- a comment above everything
ALTER TABLE orders ADD COLUMN code uuid DEFAULT gen_random_uuid();
CREATE INDEX plans_title ON plans (title);
DO $$ BEGIN EXECUTE 'ALTER TABLE customers ALTER COLUMN id TYPE numeric'; END $$;
ALTER TABLE customers RENAME COLUMN name TO full_name;
ALTER TABLE orders ALTER COLUMN total TYPE numeric;`;

describe.each(newestAndEmbedded)('migrate plan on $name', (target) => {
  it('reports what blocks, what fails and what breaks the application, and changes nothing', () =>
    withProject(target, { '0001_a.up.sql': first }, async ({ dbops, write }) => {
      write(configuration(target, '1ms'));
      await dbops('migrate', 'up');
      write({
        '0002_b.up.sql': 'ALTER TABLE orders ADD CONSTRAINT small CHECK (total < 29991);',
        '0003_c.up.sql': changes,
      });
      const { stdout, exitCode } = await dbops('migrate', 'plan', '--json');
      expect(exitCode).toBe(4);
      expect(codesOf(stdout)).toEqual([
        'fails public.orders 1',
        'blocks public.orders 2',
        'blocks public.customers 4',
        'rename public.customers.name 5',
        'blocks public.customers 6',
      ]);
      const helps = document.parse(JSON.parse(stdout)).findings.map(({ help }) => help);
      expect(helps.slice(3)).toEqual([
        expect.stringMatching(/both names .*: dbops migrate expand-contract 0003_c$/),
        expect.stringContaining(
          'new type beside the old one: dbops migrate expand-contract 0003_c',
        ),
      ]);
      const status = await dbops('migrate', 'status');
      expect(status.stdout).toContain('2 pending');
    }));
});

describe.each(newest)('migrate plan on $name', (target) => {
  it('counts the rows that violate a constraint, and allows what a comment allows', () =>
    withProject(target, { '0001_a.up.sql': first }, async ({ dbops, write }) => {
      write(configuration(target, '1ms'));
      await dbops('migrate', 'up');
      write({
        '0002_b.up.sql': `-- dbops: allow fails on orders because the rows are deleted before
          ALTER TABLE orders ADD CONSTRAINT small CHECK (total < 29991);
          ALTER TABLE customers ADD CONSTRAINT few CHECK (id < 29996);`,
      });
      const { stdout } = await dbops('migrate', 'plan', '--json');
      expect(codesOf(stdout)).toEqual(['fails public.customers 3']);
      expect(document.parse(JSON.parse(stdout)).findings[0]?.message).toContain('5 rows');
    }));

  it('lists from when to when locks are held, with --verbose', () =>
    withProject(target, { '0001_a.up.sql': first }, async ({ dbops, write }) => {
      write(configuration(target, '1m'));
      await dbops('migrate', 'up');
      write({
        '0002_b.up.sql': `ALTER TABLE orders ADD COLUMN code uuid DEFAULT gen_random_uuid();
          ALTER TABLE orders ADD CONSTRAINT buyer FOREIGN KEY (customer_id) REFERENCES customers;`,
      });
      const { stdout } = await dbops('migrate', 'plan', '--verbose');
      const [, over = ''] = stdout.split('locks of 0002_b over time');
      const locks = over.match(/^ *\d.*(?:EXCLUSIVE) public\.\w+/gm) ?? [];
      expect(locks.map((each) => each.trim().replaceAll(/ {2,}/g, '|'))).toEqual([
        '0 ms|1|ACCESS EXCLUSIVE public.orders',
        expect.stringMatching(/^[\d.]+ m?s\|2\|SHARE ROW EXCLUSIVE public\.customers$/),
      ]);
      expect(over).toMatch(/orders .*reads and writes\n.*customers .* writes\n/);
    }));

  it('writes the safe form of a migration, which then is harmless and runs', () =>
    withProject(target, { '0001_a.up.sql': first }, async ({ root, dbops, write }) => {
      write(configuration(target, '20ms'));
      await dbops('migrate', 'up');
      write({
        '0002_b.up.sql': `ALTER TABLE orders ADD CONSTRAINT buyer FOREIGN KEY (customer_id) REFERENCES customers;
          ALTER TABLE customers ADD COLUMN extra int;
          CREATE TABLE copies AS SELECT o.* FROM orders o JOIN customers USING (id);
          DROP INDEX orders_note;
          CREATE INDEX orders_note ON orders (note, total);`,
      });
      const dry = await dbops('migrate', 'plan', '--fix', '--dry-run');
      expect(dry.stdout).toContain('VALIDATE CONSTRAINT "buyer"');
      expect(readdirSync(join(root, 'migrations'))).toHaveLength(2);
      await dbops('migrate', 'plan', '--fix');
      const texts = readdirSync(join(root, 'migrations')).map((file) =>
        readFileSync(join(root, 'migrations', file), 'utf8'),
      );
      expect(texts).toHaveLength(7);
      expect(texts.join('\n')).toMatch(
        /NOT VALID[^]*VALIDATE[^]*CREATE INDEX CONCURRENTLY[^]*DROP INDEX CONCURRENTLY[^]*RENAME TO/,
      );
      const again = await dbops('migrate', 'plan');
      expect([again.exitCode, again.stdout]).toEqual([
        0,
        expect.stringContaining('No problems found'),
      ]);
      expect((await dbops('migrate', 'up')).exitCode).toBe(0);
    }));

  it('says what to do where no recipe makes the same schema', () =>
    withProject(target, { '0001_a.up.sql': first }, async ({ dbops, write }) => {
      write(configuration(target, '1ms'));
      await dbops('migrate', 'up');
      write({
        '0002_b.up.sql': `ALTER TABLE orders ADD COLUMN twice bigint GENERATED ALWAYS AS (id * 2) STORED;
          ALTER TABLE orders ALTER COLUMN total TYPE bigint;
          ALTER TABLE orders ADD CONSTRAINT apart EXCLUDE USING btree (id WITH =);`,
        '0003_c.up.sql': 'ALTER TABLE customers ADD COLUMN tier text NOT NULL UNIQUE;',
        '0004_d.ts': `import { sql } from 'kysely';
          export const up = (db) => sql\`CREATE INDEX ON orders (note)\`.execute(db);`,
      });
      const { stdout, exitCode } = await dbops('migrate', 'plan', '--fix', '--json');
      expect(exitCode).toBe(4);
      const virtual = target.major >= 18 ? 'add it as VIRTUAL' : 'Add a plain column';
      expect(JSON.parse(stdout)).toMatchObject({
        fixes: [],
        unfixed: [
          {
            migration: '0002_b',
            reason: 'no recipe applies to its statements',
            advice: [
              expect.stringContaining(virtual),
              expect.stringContaining('orders.total: a change of type'),
              expect.stringContaining('exclusion constraint'),
            ],
          },
          {
            migration: '0003_c',
            reason: 'existing rows violate its statements',
            advice: [expect.stringContaining('dbops migrate expand-contract 0003_c')],
          },
          {
            migration: '0004_d',
            reason: 'it is a module, whose statements dbops does not rewrite',
            advice: [],
          },
        ],
      });
    }));

  it('asks before migrate up --plan applies what blocks, and shows the estimate beside what happened', () =>
    withProject(target, { '0001_a.up.sql': first }, async ({ dbops, write, json }) => {
      write(configuration(target, '1ms'));
      await dbops('migrate', 'up');
      write({ '0002_b.up.sql': 'CREATE INDEX plans_both ON plans (id, title);' });
      const applied = await dbops('migrate', 'up', '--plan');
      expect(applied.stdout).toMatch(/0002_b: took .*, estimated less than 0\.1 s/);
      write({ '0003_c.up.sql': changes });
      const refused = await json('migrate', 'up', '--plan');
      expect(refused).toMatchObject({ exitCode: 4, error: { code: 'PLAN.BLOCKS' } });
      const failed = await json('migrate', 'up', '--fail-on', 'blocks');
      expect(failed).toMatchObject({ exitCode: 4, error: { code: 'PLAN.BLOCKS' } });
      expect((await dbops('migrate', 'status')).stdout).toContain('1 pending');
      write({
        '0003_c.up.sql': `-- dbops: allow blocks on orders because it is night
          -- dbops: allow blocks on public.customers because it is night
          ${changes}`,
      });
      expect((await dbops('migrate', 'up', '--plan', '--fail-on', 'blocks')).exitCode).toBe(0);
    }));

  it('plans from a file of sizes, and from the folder alone', () =>
    withProject(target, { '0001_a.up.sql': first }, async ({ dbops, write }) => {
      write(configuration(target, '1ms'));
      await dbops('migrate', 'up');
      await dbops('stats', 'export', '--output', 'sizes.json');
      write({ '0002_b.up.sql': changes });
      const offline = ['migrate', 'plan', '--json'];
      const withSizes = await dbops(...offline, '--sizes', 'sizes.json');
      expect(codesOf(withSizes.stdout)).toContain('blocks public.orders 2');
      const without = await dbops(...offline, '--folder', '--from', '1');
      expect([without.exitCode, codesOf(without.stdout)]).toEqual([
        0,
        expect.arrayContaining(['unknown-size public.orders 2']),
      ]);
    }));
});
