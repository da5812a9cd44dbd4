import { describe, expect, it, vi } from 'vitest';
import { isLongRun } from '../cases.ts';
import { newest, withDatabase, type Target } from '../db/targets.ts';
import { withWire, type Verdict } from '../db/wire.ts';
import { catalogOf } from '../reference/catalog.ts';
import { projectOn, tracked, withProject, writeFolder, type Project } from './project.ts';

// Every boundary is a process of its own.
vi.setConfig({ testTimeout: 300_000 });

const mixed = {
  '0001_tables.up.sql': `CREATE TABLE t (id int, x int);
    INSERT INTO t SELECT n, n FROM generate_series(1, 5) n;
    CREATE TABLE p (id int) PARTITION BY RANGE (id);
    CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (9)`,
  '0002_indexes.up.sql': `-- dbops: no-transaction
    SELECT set_config('search_path', 'public', false);
    CREATE INDEX CONCURRENTLY t_x ON t (x);
    ALTER TABLE t ADD COLUMN y int;
    CREATE INDEX CONCURRENTLY ON t (y);
    REINDEX INDEX CONCURRENTLY t_x;`,
  '0003_rows.up.sql': 'UPDATE t SET y = x; CREATE TABLE made_once ()',
  '0004_away.up.sql': `-- dbops: no-transaction
    INSERT INTO t VALUES (6, 6, 6);
    ALTER TABLE p DETACH PARTITION p1 CONCURRENTLY;
    DROP INDEX CONCURRENTLY t_x;
    CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS t_id ON t (id);
    VACUUM t;
    ALTER TABLE t ADD CONSTRAINT t_id_key UNIQUE USING INDEX t_id;`,
  '0005_last.up.sql': 'CREATE VIEW v AS SELECT id FROM t',
};

const stateOf = async (project: Project) => ({
  catalog: await catalogOf(project),
  tracked: await tracked(project),
  rows: await project.query('SELECT * FROM t ORDER BY id'),
  checkpoints: await project.query('SELECT * FROM dbops.checkpoints'),
});

describe.each(newest)('migrate up that is killed on $name', (server) => {
  it('resumes at the boundary between two requests, and ends as an undisturbed run does', async () => {
    const { undisturbed, requests } = await whole(server);
    expect(requests).toBeGreaterThan(40);
    // `npm run test:long` kills at every boundary.
    for (let at = 1; at <= requests; at += isLongRun ? 1 : 8) {
      const end = await killedAt(server, at);
      expect({ at, ...end }).toEqual({ at, ...undisturbed });
    }
  });
});

/** An undisturbed run, and how many requests it takes. */
async function whole(server: Target) {
  let undisturbed: Awaited<ReturnType<typeof stateOf>> | undefined;
  let requests = 0;
  const count = (): Verdict => ((requests += 1), 'pass');
  await withProject(server, mixed, (project) =>
    withWire(project.url, count, async (wire) => {
      expect(await projectOn(wire.url, project.root).json('migrate', 'up')).toMatchObject({
        exitCode: 0,
      });
      undisturbed = await stateOf(project);
    }),
  );
  return { undisturbed, requests };
}

/** Kills a run when the server has done its request number `at`, and lets another go on. */
function killedAt(server: Target, at: number) {
  return withDatabase(server, async (url) => {
    const project = projectOn(url, writeFolder(mixed));
    let requests = 0;
    const judge = (): Verdict => ((requests += 1) === at ? 'hold answer' : 'pass');
    await withWire(url, judge, async (wire) => {
      const { child, answer } = projectOn(wire.url, project.root).start('migrate', 'up');
      await wire.reached;
      child.kill('SIGKILL');
      await answer;
    });
    const next = await project.json('migrate', 'up', '--wait', '30s');
    expect({ at, error: next.error }).toEqual({ at, error: undefined });
    return stateOf(project);
  });
}
