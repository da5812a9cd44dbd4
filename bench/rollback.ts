import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Bench, Contest } from './contestants.ts';
import { prismaLayout, writeFolder } from './folders.ts';
import { type Command, time } from './measure.ts';

const count = 100;

/** The receipt of the newest of a hundred migrations, in a folder of a tool that has no rollbacks. */
export async function rollback(bench: Bench): Promise<Contest> {
  const { folder, dbops, databases, signal } = bench;
  const cwd = join(folder, 'hundred');
  await writeFolder(cwd, prismaLayout(count));
  await databases.create('hundred');
  const inCache = (name: string, ...words: string[]): Command => ({
    file: dbops.file,
    args: [...dbops.args, ...words],
    cwd,
    environment: {
      DATABASE_URL: databases.url('hundred'),
      DBOPS_CACHE_DIR: join(folder, name),
    },
  });
  await time(inCache('hundred-up', 'migrate', 'up'), { home: folder, signal });
  const check = (output: string) => {
    if (!/^-- proven: /m.test(output)) throw new Error(`it ended with 0, but printed: ${output}`);
  };
  const down = ['migrate', 'down', '--dry-run'];
  return {
    title: `The proof of a derived rollback, after ${count} migrations`,
    rounds: 7,
    warmUps: 1,
    contestants: [
      {
        name: 'dbops migrate down --dry-run, cold cache',
        command: inCache('hundred-cold', ...down),
        prepare: () => rm(join(folder, 'hundred-cold'), { recursive: true, force: true }),
        check,
        limits: [{ seconds: 6 }],
      },
      {
        name: 'dbops migrate down --dry-run, cached',
        command: inCache('hundred-warm', ...down),
        check,
        limits: [{ seconds: 1.5 }],
      },
    ],
  };
}
