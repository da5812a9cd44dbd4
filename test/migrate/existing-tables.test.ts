import { describe, expect, it } from 'vitest';
import { newestAndEmbedded } from '../db/targets.ts';
import { bundledFolder, exists, withProject, writeInto } from './project.ts';

const files = {
  '0001_a.up.sql': 'CREATE TABLE a (id int);',
  '0002_b.up.sql': 'CREATE TABLE b ();',
};

describe.each(newestAndEmbedded)('the first migration on $name', (target) => {
  it('is refused where the database has tables and no record, and the hint names three choices', () =>
    withProject(target, files, async (project) => {
      await project.query('CREATE SCHEMA "Shop"; CREATE TABLE "Shop".customers (id int)');
      for (const words of [['up'], ['up', '--dry-run']]) {
        const { exitCode, stderr } = await project.dbops('migrate', ...words);
        expect(exitCode).toBe(2);
        expect(stderr).toContain('has a table and no record of migrations; nothing was applied');
        expect(stderr).toContain('Shop.customers');
        for (const choice of ['migrate baseline', '--database-url', '--into-existing'])
          expect(stderr).toContain(choice);
      }
      expect(await exists(project, 'a')).toBe(false);
      expect(await project.dbops('migrate', 'up', '--into-existing', '--steps', '1')).toMatchObject(
        {
          exitCode: 0,
        },
      );
      expect(await project.dbops('migrate', 'up')).toMatchObject({ exitCode: 0 });
    }));

  it('is refused with the bundled folder as with any other, and the hint says how to name one', () =>
    withProject(target, {}, async (project) => {
      writeInto(project.root, bundledFolder);
      await project.query('CREATE TABLE customers (id int)');
      const { exitCode, stderr } = await project.dbops('migrate', 'up');
      expect(exitCode).toBe(2);
      expect(stderr).toContain('DATABASE.NOT_EMPTY');
      expect(stderr).toContain('migrations is the wrong folder, name yours: --migrations DIR');
      expect(await exists(project, 'users')).toBe(false);
    }));

  it('is applied where the tables are not of an application', () =>
    withProject(target, files, async (project) => {
      project.write({ '../dbops.config.json': JSON.stringify({ ignore: ['audit.*'] }) });
      await project.query(
        'CREATE SCHEMA audit; CREATE TABLE audit.log (); CREATE VIEW v AS SELECT 1',
      );
      expect(await project.dbops('migrate', 'up')).toMatchObject({ exitCode: 0 });
      expect(await project.dbops('migrate', 'down', '--to', '0')).toMatchObject({ exitCode: 0 });
      await project.query('CREATE TABLE by_hand ()');
      expect(await project.dbops('migrate', 'up')).toMatchObject({ exitCode: 0 });
    }));
});
