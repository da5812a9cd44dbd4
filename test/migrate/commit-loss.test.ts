import { describe, expect } from 'vitest';
import { inTurn, servers } from '../db/targets.ts';
import { withWire, type Verdict } from '../db/wire.ts';
import { byState, exists, projectOn, tracked, withProject } from './project.ts';

const folders = {
  SQL: { '0001_t.up.sql': 'CREATE TABLE t ()', '0002_u.up.sql': 'CREATE TABLE u ()' },
  module: {
    '0001_t.ts': `export const up = (db) => db.schema.createTable('t').execute();
      export const down = (db) => db.schema.dropTable('t').execute();`,
    '0002_u.up.sql': 'CREATE TABLE u ()',
  },
};

const isCommit = (sql: string) => sql.includes('COMMIT') && sql.includes('0001_t');

describe.each(servers)('a connection that is lost at COMMIT on $name', (server) => {
  const it = inTurn(server, servers);
  it.each(['SQL', 'module'] as const)(
    'after it was committed: it is applied and reported as applied (%s)',
    (kind) =>
      withProject(server, folders[kind], (project) => {
        const judge = (sql: string): Verdict => (isCommit(sql) ? 'lose answer' : 'pass');
        return withWire(project.url, judge, async (wire) => {
          const broken = projectOn(wire.url, project.root);
          const answer = await broken.json('migrate', 'up', '--steps', '1');
          expect(answer.error).toBeUndefined();
          expect(byState(answer)).toEqual({ done: ['0001_t'] });
          expect(await tracked(project)).toEqual(['0001_t']);
          expect(await exists(project, 't')).toBe(true);
          expect(byState(await project.json('migrate', 'up'))).toEqual({ done: ['0002_u'] });
        });
      }),
  );

  it.each(['SQL', 'module'] as const)(
    'before it was: it is not, and said to be rolled back (%s)',
    (kind) =>
      withProject(server, folders[kind], (project) => {
        const judge = (sql: string): Verdict => (isCommit(sql) ? 'lose request' : 'pass');
        return withWire(project.url, judge, async (wire) => {
          const { exitCode, error } = await projectOn(wire.url, project.root).json('migrate', 'up');
          expect({ exitCode, code: error?.code }).toEqual({
            exitCode: 3,
            code: 'MIGRATION.FAILED',
          });
          expect(error?.message).toContain('lost its connection. It was rolled back');
          expect(await exists(project, 't')).toBe(false);
          expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
        });
      }),
  );
});
