import { execFileSync, spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { folderOf } from '../cli/run-cli.ts';
import { createDatabase, servers, targets, type Server } from '../db/targets.ts';
import { openFullBench, type FullBench } from './full-bench.ts';
import { migrated, reference } from './trial.ts';
import { hostileDefaults, menagerie, restoreSpelling, zoo } from './zoo.ts';

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
  let bench: FullBench;
  beforeAll(async () => {
    bench = await openFullBench(folder());
  });
  afterAll(() => bench.close());

  it.each(targets)('on $name, fresh', (target) =>
    migrated(target, folder(), async ({ url }) => {
      expect(await bench.differences(url)).toEqual([]);
    }),
  );

  it.each(targets)('on $name, in the spelling of a restored dump', (target) =>
    migrated(target, folder(), async ({ url, sql }) => {
      await sql(restoreSpelling);
      expect(await bench.differences(url)).toEqual([]);
    }),
  );

  it.each(servers)('on $name, whatever the defaults of the sessions', (server) =>
    migrated(server, folder(), async ({ url, sql }) => {
      const database = new URL(url).pathname.slice(1);
      await sql(hostileDefaults.map((setting) => `ALTER DATABASE "${database}" SET ${setting}`));
      expect(await bench.differences(url)).toEqual([]);
    }),
  );

  it.each(servers.filter(canDump))('on $name, dumped and restored', (server) =>
    migrated(server, folder(), async ({ url }) => {
      const restored = await createDatabase(server);
      const dump = execFileSync('pg_dump', ['--dbname', url], { maxBuffer: 1e8 });
      execFileSync('psql', ['-qX', '-v', 'ON_ERROR_STOP=1', restored.url], { input: dump });
      expect(await bench.differences(restored.url)).toEqual([]);
      await restored.drop();
    }),
  );
});
