import { describe, expect, it, vi } from 'vitest';
import { inTurn, servers } from '../db/targets.ts';
import { withClient } from '../migrate/project.ts';
import { definition, sumOf, withShop } from './shop.ts';

vi.setConfig({ testTimeout: 60_000 });

const restoring = (how: string) => `CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN IF NEW.id <= 3 THEN ${how} END IF; RETURN NEW; END $$;
  CREATE TRIGGER keep BEFORE UPDATE ON purchases FOR EACH ROW EXECUTE FUNCTION keep()`;

describe.each(servers)('a trigger of the application on $name', (server) => {
  const it = inTurn(server, servers);
  it.each([
    ['restores the value', 'NEW.organization_id := OLD.organization_id;'],
    ['skips the update', 'RETURN NULL;'],
  ])('that %s is named as what keeps the rows open', (_, how) =>
    withShop(server, { purchases: 100 }, async (project) => {
      await project.query(restoring(how));
      const { exitCode, stdout } = await project.dbops('backfill', 'run', ...definition);
      expect({ exitCode, stdout }).toMatchObject({
        exitCode: 4,
        stdout: expect.stringContaining('100 rows = 0 already filled + 97 changed + 3 open'),
      });
      expect(stdout).toContain('3 rows are still open after the update');
      expect(stdout).toContain('keep on purchases');
      expect(stdout).not.toMatch(/lock the open rows|deleted or changed since/);
      const again = await project.json('backfill', 'run', ...definition);
      expect(again).toMatchObject({ rowsDone: 97, rowsChanged: 0, rowsOpen: 3 });
    }),
  );

  it('is not blamed for rows that another session locks', () =>
    withShop(server, { purchases: 100 }, (project) =>
      withClient(project.url, async (client) => {
        await project.query(restoring('NULL;'));
        await client.query('BEGIN; UPDATE purchases SET amount = 1 WHERE id = 50');
        const { stdout } = await project.dbops(
          'backfill',
          'run',
          ...definition,
          '--no-trigger',
          '--wait',
          '2s',
        );
        expect(stdout).toContain('Other sessions lock the open rows');
      }),
    ));

  it('that restores a mismatched value leaves it mismatched, and uncounted as changed', () =>
    withShop(server, { purchases: 50 }, async (project) => {
      await project.query(`UPDATE purchases SET organization_id = 1;
        ${restoring('NEW.organization_id := OLD.organization_id;')}`);
      const run = await project.json('backfill', 'run', ...definition, '--fix-mismatched');
      expect(run).toMatchObject({ exitCode: 4, rowsChanged: 47, mismatched: 3 });
    }));
});

describe.each(servers)('a partition key on $name', (server) => {
  const sales = `CREATE TABLE sales (id int, region text, code text) PARTITION BY LIST (region);
    CREATE TABLE sales_none PARTITION OF sales FOR VALUES IN (NULL);
    CREATE TABLE "Sales EU" PARTITION OF sales FOR VALUES IN ('eu') PARTITION BY RANGE (id);
    CREATE TABLE sales_eu_1 PARTITION OF "Sales EU" FOR VALUES FROM (0) TO (100000);
    CREATE TABLE sales_us PARTITION OF sales FOR VALUES IN ('us');
    INSERT INTO sales SELECT n, NULL, CASE WHEN n % 2 = 0 THEN 'eu' ELSE 'us' END FROM generate_series(1, 900) n;
    INSERT INTO sales VALUES (901, NULL, 'mars')`;
  const fill = ['--table', 'sales', '--set', 'region = code'];

  it.each([
    ['the rows that belong to another partition are moved there', []],
    ['orphans too', ['--orphans', 'set=eu']],
  ])('is filled: %s', (_, words) =>
    withShop(server, { purchases: 1 }, async (project) => {
      await project.query(sales);
      const run = await project.json('backfill', 'run', ...fill, ...words);
      expect(run).toMatchObject({ exitCode: 1, rowsDone: 900, rowsChanged: 900, quarantined: 1 });
      expect(run['quarantine']).toMatchObject([{ sqlstate: '23514' }]);
      expect(sumOf(run)).toBe(901);
      expect(
        await project.query(
          'SELECT tableoid::regclass::text AS at, count(*)::int AS n FROM sales GROUP BY 1 ORDER BY 1',
        ),
      ).toEqual([
        { at: 'sales_eu_1', n: 450 },
        { at: 'sales_none', n: 1 },
        { at: 'sales_us', n: 450 },
      ]);
      // The server rejects an INSERT whose BEFORE trigger moves the row.
      await project.query("INSERT INTO sales VALUES (902, NULL, 'us')");
      await project.query('DELETE FROM sales WHERE id = 901');
      expect(await project.json('backfill', 'run', ...fill)).toMatchObject({
        exitCode: 0,
        rowsChanged: 1,
      });
    }),
  );
});
