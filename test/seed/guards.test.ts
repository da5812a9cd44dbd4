import { describe, expect } from 'vitest';
import { inTurn, targets, withDatabase } from '../db/targets.ts';
import { dbops, migrated, nameOf } from './database.ts';

describe.each(targets)('dbops seed on $name', (target) => {
  const it = inTurn(target);
  it('rejects a production or protected database, even with --confirm', () =>
    migrated(target, async (trial) => {
      await trial.dbops('env', 'set', 'production');
      expect(await trial.dbops('seed')).toMatchObject({ code: 2 });
      const name = nameOf(trial.url);
      await trial.dbops('env', 'set', 'staging', '--protect', '--confirm', name);
      expect(await trial.dbops('seed', '--confirm', name)).toMatchObject({ code: 2 });
      expect(await trial.query(`SELECT FROM users`)).toEqual([]);
    }));

  it('asks for the name of a database that holds rows of others, until it has a label', () =>
    migrated(target, async (trial) => {
      await trial.script(`INSERT INTO users (id, email) VALUES ('u', 'u@customer.test')`);
      const used = await trial.dbops('seed');
      expect(used).toMatchObject({ code: 2, output: expect.stringContaining('users holds 1 row') });
      expect(await trial.query(`SELECT FROM users`)).toHaveLength(1);
      const confirmed = await trial.dbops('seed', '--confirm', nameOf(trial.url));
      expect(confirmed).toMatchObject({ code: 0 });
      // The consent is recorded with the seed: the rows of others are known.
      await trial.script(`DELETE FROM credits`);
      expect(await trial.dbops('seed')).toMatchObject({ code: 0 });
      await trial.script(`DELETE FROM credits; DROP TABLE dbops.seeds`);
      expect(await trial.dbops('seed')).toMatchObject({ code: 2 });
      await trial.dbops('env', 'set', 'development');
      expect(await trial.dbops('seed')).toMatchObject({ code: 0 });
    }));

  it('rejects a database without migrations, and an unknown set', () =>
    withDatabase(target, async (url) => {
      const bare = await dbops(url, ['seed']);
      expect(bare).toMatchObject({ code: 2, output: expect.stringContaining('dbops migrate up') });
      expect(await dbops(url, ['seed', '--only', 'nothing'])).toMatchObject({ code: 2 });
    }));
});
