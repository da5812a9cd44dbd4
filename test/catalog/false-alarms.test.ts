import { execFileSync, spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { snapshotsAfter } from '../../src/shadow/expected-catalog.ts';
import { readTargetNames } from '../../src/shadow/target-names.ts';
import { supabasePlatform } from '../../src/formats/supabase/platform.ts';
import { readFolder } from '../../src/formats/open-folder.ts';
import { folderOf } from '../cli/run-cli.ts';
import { withSession } from '../db/session.ts';
import {
  inTurn,
  createDatabase,
  servers,
  serversBetween,
  targets,
  withDatabase,
  type Server,
} from '../db/targets.ts';
import { damageChecks, openComparison, type Comparison } from './comparison.ts';
import { migrated, reference, trialOf } from './trial.ts';
import {
  bornOn13,
  bystanders,
  hostileDefaults,
  menagerie,
  otherExtract,
  restoreSpelling,
  zoo,
} from './zoo.ts';

const folders = [
  { schema: 'the reference schema', folder: () => reference },
  { schema: 'a zoo', folder: () => folderOf({ ...zoo, ...menagerie }) },
];

/** pg_dump refuses a server that is newer than itself. */
const dumps = /\d+/.exec(spawnSync('pg_dump', ['--version'], { encoding: 'utf8' }).stdout ?? '');
const canDump = ({ major }: Server) => dumps !== null && Number(dumps[0]) >= major;
for (const server of servers.filter((each) => !canDump(each)))
  process.stderr.write(`no dump and restore of ${server.name}: pg_dump is ${dumps ?? 'missing'}\n`);

describe.each(folders)('no difference for $schema', ({ folder }) => {
  let comparison: Comparison;
  beforeAll(async () => {
    comparison = await openComparison(folder());
  });
  afterAll(() => comparison.close());
  const differences = (url: string) =>
    withSession(url, (session) => comparison.differences(session));

  it.each([...targets, ...serversBetween])(
    'on $name, fresh, and in the spelling of a restored dump',
    (target) =>
      migrated(target, folder(), async ({ url, sql }) => {
        expect(await differences(url)).toEqual([]);
        const before = await spellings(url);
        await sql(restoreSpelling);
        expect(await spellings(url)).not.toEqual(before);
        expect(await differences(url)).toEqual([]);
      }),
  );

  it.each(servers)('on $name, whatever the defaults of the sessions', (server) =>
    migrated(server, folder(), async ({ url, sql }) => {
      const database = new URL(url).pathname.slice(1);
      await sql(hostileDefaults.map((setting) => `ALTER DATABASE "${database}" SET ${setting}`));
      const style = withSession(url, (session) => session.query('SHOW DateStyle'));
      expect(await style).toEqual([{ DateStyle: 'SQL, DMY' }]);
      expect(await differences(url)).toEqual([]);
    }),
  );

  it.each(servers.filter(canDump))('on $name, dumped and restored', (server) =>
    migrated(server, folder(), async ({ url }) => {
      const restored = await createDatabase(server);
      const dump = execFileSync('pg_dump', ['--dbname', url], { maxBuffer: 1e8 });
      execFileSync('psql', ['-qX', '-v', 'ON_ERROR_STOP=1', restored.url], { input: dump });
      expect(await differences(restored.url)).toEqual([]);
      await restored.drop();
    }),
  );
});

describe.each(targets.slice(0, 1))(
  'a database that was made by PostgreSQL 13, on $name',
  (target) => {
    it('reports date_part, but not AT TIME ZONE and SUBSTRING', () =>
      migrated(target, folderOf(zoo), async ({ sql, findings }) => {
        await sql(bornOn13);
        expect(await findings({ words: ['schema'] })).toEqual([]);
        await sql(otherExtract);
        expect(await findings({ words: ['schema'] })).toEqual([
          'different-constraint spellings_trimmed on public.spellings',
        ]);
      }));
  },
);

const projects = ['e-commerce/drizzle', 'workshops/drizzle', 'credits/prisma/migrations'];

const everyMajor = [...servers, ...serversBetween];

describe.each(everyMajor)('no finding on $name', (server) => {
  const it = inTurn(server, everyMajor);
  it.each(projects)('for the worked project in %s, rights and all', (path) =>
    migrated(server, resolve(import.meta.dirname, '../fixtures', path), async ({ findings }) => {
      expect(await findings({ words: ['schema', '--grants'] })).toEqual([]);
    }),
  );

  it('for the worked project of Supabase, rights and all', () =>
    withDatabase(server, async (url) => {
      const folder = resolve(import.meta.dirname, '../fixtures/starter-kit/supabase/migrations');
      const trial = trialOf(url, folder);
      await trial.sql(`SET search_path = public; ${supabasePlatform.prelude}`);
      await trial.migrateUp();
      expect(await trial.findings({ words: ['schema', '--grants'] })).toEqual([]);
    }));

  it('for the rights of the reference schema', () =>
    migrated(server, reference, async ({ findings }) => {
      expect(await findings({ words: ['schema', '--grants'] })).toEqual([]);
    }));
});

describe.each(targets)('verify has no false alarm on $name', (target) => {
  it('for what the migrations do not make and could not', () =>
    migrated(target, folderOf({ ...zoo, ...menagerie }), async ({ sql, findings }) => {
      await sql(bystanders);
      expect(await findings({ words: ['schema', ...damageChecks] })).toEqual([
        // NOT VALID, as its migration makes it.
        'constraint-not-validated accounts_later on public.accounts',
      ]);
    }));
});

describe.each(servers)('verify has no false alarm on $name', (server) => {
  const it = inTurn(server, servers);
  // Not in the embedded engine, which would be compared with itself.
  it('for the reference schema, after each of its migrations', async () => {
    const environment = { DBOPS_CACHE_DIR: `${inject('scratch')}/each-prefix` };
    const { migrations, format } = readFolder({ migrations: reference, root: reference });
    const { signal } = new AbortController();
    const { url, drop } = await createDatabase(server);
    const targetNames = await withSession(url, readTargetNames);
    // One replay for all of them, and one for all servers.
    const lengths = migrations.map((_, at) => at + 1);
    const scope = { ignore: [] };
    await snapshotsAfter({ migrations, format, targetNames, scope, environment, signal }, lengths);
    const { migrateUp, findings } = trialOf(url, reference);
    for (const { name } of migrations) {
      await migrateUp('--to', name);
      expect({ name, findings: await findings({ environment }) }).toEqual({ name, findings: [] });
    }
    await drop();
  }, 90_000);

  it('whatever the defaults of the sessions, with and without a cache', () =>
    migrated(server, reference, async ({ url, sql, findings }) => {
      const database = new URL(url).pathname.slice(1);
      await sql(hostileDefaults.map((setting) => `ALTER DATABASE "${database}" SET ${setting}`));
      expect(await findings()).toEqual([]);
      const cache = `${inject('scratch')}/cache-${Math.random()}`;
      expect(await findings({ environment: { DBOPS_CACHE_DIR: cache } })).toEqual([]);
    }));

  it('while an index is being built', () =>
    migrated(server, reference, ({ url, findings, sql }) =>
      withSession(url, async (reader) => {
        await sql('DROP INDEX idx_posts_author_id');
        // An open snapshot holds back the last phase of the build.
        await reader.script('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM users');
        const building = sql('CREATE INDEX CONCURRENTLY idx_posts_author_id ON posts (author_id)');
        await expect.poll(() => findings({ words: ['schema'] }), { timeout: 20_000 }).toEqual([]);
        expect(await findings()).toEqual([]);
        await reader.script('COMMIT');
        await building;
      }),
    ));
});

function spellings(url: string): Promise<unknown[]> {
  return withSession(url, (session) =>
    session.query(
      `SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
       UNION ALL SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index ORDER BY 1, 2`,
    ),
  );
}
