import { describe, expect, it } from 'vitest';
import { newest } from '../db/targets.ts';
import { withProject } from '../migrate/project.ts';
import { definition, purchases } from './shop.ts';

const files = {
  '0001_shop.up.sql': `CREATE TABLE content (id int PRIMARY KEY, organization_id int);
    CREATE TABLE purchases (id int PRIMARY KEY, content_id int);`,
  '0002_organization.up.sql': 'ALTER TABLE purchases ADD COLUMN organization_id int',
};

describe.each(newest)('the trigger of a backfill on $name', (target) => {
  it('is no difference for any command', () =>
    withProject(target, files, async ({ dbops: run, query }) => {
      await run('migrate', 'up');
      await query('INSERT INTO content VALUES (1, 7)');
      await query('INSERT INTO purchases VALUES (1, 1)');
      expect(await run('backfill', 'run', purchases, ...definition)).toMatchObject({ exitCode: 0 });
      const triggers = "SELECT FROM pg_trigger WHERE tgname LIKE 'zz_dbops%'";
      expect(await query(triggers)).not.toEqual([]);
      expect(await run('verify', 'schema')).toMatchObject({ exitCode: 0 });
      expect(await run('repair-tracking')).toMatchObject({ exitCode: 0 });
      for (const source of ['folder', 'live']) {
        const down = ['migrate', 'down', '--dry-run', '--shadow-from', source];
        expect(await run(...down)).toMatchObject({ exitCode: 0 });
      }
      await query('DELETE FROM dbops.migrations');
      expect(await run('migrate', 'baseline', '--dry-run')).toMatchObject({ exitCode: 0 });
    }));
});
