import { describe, expect, it } from 'vitest';
import { newest } from '../db/targets.ts';
import { withProject } from './project.ts';

const [on] = newest;
const files = {
  '0001_a.up.sql':
    'CREATE TABLE t (id int PRIMARY KEY, a int, b int); INSERT INTO t VALUES (1, 1);',
  '../backfills/b.json': JSON.stringify({ targets: [{ table: 't', set: 'b = t.a' }] }),
};

const publications: [what: string, sql: string, said: string][] = [
  [
    'without a replica identity',
    'ALTER TABLE t REPLICA IDENTITY NOTHING; CREATE PUBLICATION p FOR TABLE t',
    'does not have a replica identity',
  ],
  [
    'with a filter on another column',
    'CREATE PUBLICATION p FOR TABLE t WHERE (a > 5)',
    'Detail: Column used in the publication WHERE expression is not part of the replica identity.',
  ],
];

describe.runIf(on)('a publication that rejects an update', () => {
  it.each(publications)('is named with its remedy by up and by a backfill: %s', (_, sql, said) =>
    withProject(on ?? expect.fail(), files, async (project) => {
      await project.dbops('migrate', 'up');
      await project.query(sql);
      project.write({ '0002_b.up.sql': 'UPDATE t SET b = a;' });
      for (const words of [
        ['migrate', 'up'],
        ['backfill', 'run', 'b'],
      ]) {
        const { exitCode, stderr } = await project.dbops(...words);
        expect({ exitCode, stderr }).toMatchObject({ exitCode: 1 });
        expect(stderr).toContain(said);
        expect(stderr).toContain('ALTER TABLE t REPLICA IDENTITY FULL;');
      }
      await project.query('ALTER TABLE t REPLICA IDENTITY FULL');
      expect(await project.dbops('backfill', 'run', 'b')).toMatchObject({ exitCode: 0 });
    }),
  );
});
