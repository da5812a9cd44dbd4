import { execFileSync, spawnSync } from 'node:child_process';
import { describe, expect, inject, it } from 'vitest';
import { readFolder } from '../../src/formats/index.ts';
import { createDatabase, servers, targets, type Server } from '../db/targets.ts';
import { folderOf } from '../cli/run-cli.ts';
import { withSession } from '../db/session.ts';
import { migrated, reference, trialOf, type Trial } from './trial.ts';
import { bystanders, hostileDefaults, restoreSpelling, zoo } from './zoo.ts';

const folders = [
  { schema: 'the reference schema', folder: () => reference },
  { schema: 'a zoo', folder: () => folderOf(zoo) },
];

describe.each(targets)('no false alarm on $name', (target) => {
  it.each(folders)('for $schema, fresh', ({ folder }) =>
    migrated(target, folder(), async ({ findings }) => {
      expect(await findings()).toEqual([]);
    }),
  );

  it.each(folders)('for $schema, in the spelling of a restored dump', ({ folder }) =>
    migrated(target, folder(), async ({ sql, findings, url }) => {
      const before = await spellings(url);
      await sql(restoreSpelling);
      expect(await spellings(url)).not.toEqual(before);
      expect(await findings()).toEqual([]);
    }),
  );

  it('for what the migrations do not make and could not', () =>
    migrated(target, folderOf(zoo), async ({ sql, findings }) => {
      await sql(bystanders);
      expect(await findings()).toEqual([]);
    }));

  it('for the reference schema, after each of its migrations', async () => {
    const { url, drop } = await createDatabase(target);
    const { migrateUp, findings } = trialOf(url, reference);
    for (const { name } of readFolder({ migrations: reference, root: reference }).migrations) {
      await migrateUp('--to', name);
      expect({ name, findings: await findings() }).toEqual({ name, findings: [] });
    }
    await drop();
  }, 90_000);
});

describe.each(servers)('no false alarm on $name', (server) => {
  const refusal = whyNoDump(server);
  if (refusal) process.stderr.write(`no dump and restore on ${server.name}: ${refusal}\n`);

  it.skipIf(refusal).each(folders)('for $schema, dumped and restored', ({ folder }) =>
    migrated(server, folder(), async ({ url, migrations }) => {
      const restored = await createDatabase(server);
      const dump = execFileSync('pg_dump', ['--dbname', url], { maxBuffer: 1e8 });
      execFileSync('psql', ['-qX', '-v', 'ON_ERROR_STOP=1', restored.url], { input: dump });
      expect(await trialOf(restored.url, migrations).findings()).toEqual([]);
      await restored.drop();
    }),
  );

  it.each(folders)('for $schema, whatever the defaults of the sessions', ({ folder }) =>
    migrated(server, folder(), async (trial) => {
      await beHostile(trial);
      expect(await trial.findings()).toEqual([]);
      expect(await trial.findings({ environment: emptyCache() })).toEqual([]);
    }),
  );

  it('while an index is being built', () =>
    migrated(server, reference, ({ url, findings, sql }) =>
      withSession(url, async (reader) => {
        await sql('DROP INDEX idx_posts_author_id');
        // An open snapshot holds back the last phase of the build.
        await reader.script('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT FROM users');
        const building = sql('CREATE INDEX CONCURRENTLY idx_posts_author_id ON posts (author_id)');
        await expect.poll(() => findings(), { timeout: 20_000 }).toEqual([]);
        await reader.script('COMMIT');
        await building;
      }),
    ));
});

async function spellings(url: string): Promise<unknown[]> {
  return withSession(url, (session) =>
    session.query(
      `SELECT conname AS name, pg_get_constraintdef(oid) AS definition FROM pg_constraint
       UNION ALL SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index ORDER BY 1, 2`,
    ),
  );
}

/** PGlite starts its only session without the settings of a database or a role. */
async function beHostile({ url, sql }: Trial): Promise<void> {
  const database = new URL(url).pathname.slice(1);
  await sql(hostileDefaults.map((setting) => `ALTER DATABASE "${database}" SET ${setting}`));
  const style = withSession(url, (session) => session.query('SHOW DateStyle'));
  expect(await style).toEqual([{ DateStyle: 'SQL, DMY' }]);
}

function emptyCache(): Record<string, string> {
  return { DBOPS_CACHE_DIR: `${inject('scratch')}/cache-${Math.random()}` };
}

/** The clients on the PATH, as far as they are there and know this server. */
function whyNoDump({ major }: Server): string | undefined {
  const { stdout, error } = spawnSync('pg_dump', ['--version'], { encoding: 'utf8' });
  if (error) return 'there is no pg_dump on the PATH';
  const client = Number(/ (\d+)/.exec(stdout)?.[1]);
  if (client < major) return `pg_dump is of version ${client}`;
  return spawnSync('psql', ['--version']).error && 'there is no psql on the PATH';
}
