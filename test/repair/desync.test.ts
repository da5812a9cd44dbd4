import * as fc from 'fast-check';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Folder } from '../../src/formats/format.ts';
import { openSession, type Session } from '../../src/db/session.ts';
import { parseTarget } from '../../src/db/target.ts';
import { cases } from '../cases.ts';
import { createDatabase, servers, type Database } from '../db/targets.ts';
import { examine } from './desync/examine.ts';
import {
  folderOf,
  projectNames as names,
  stepsOf,
  writers,
  type FormatName,
} from './desync/folders.ts';
import { nested } from './desync/nested.ts';
import { randomFrom } from './desync/random.ts';
import { damage } from './desync/scene.ts';

const scenes = cases(15);
const formats = Object.keys(writers) as FormatName[];

/** The platform's own projects run on the platform only. */
const pairs = names.flatMap((project) =>
  formats
    .filter((format) => project !== 'starter-kit' || format === 'supabase')
    .map((format) => ({ project, format })),
);

const fallback = { project: 'workshops', format: 'drizzle' } as const;

// A folder costs a replay and a scene some milliseconds: a short run looks at three folders, others
// on each server; a long one looks at all.
const stride = scenes >= 100 ? 1 : Math.ceil(pairs.length / 3);

describe.each(servers)('a tracking table that fell out of step, on $name', (server) => {
  const databases = new Map<string, { database: Database; session: Session }>();
  const folders = new Map<string, Folder>();
  let begin = 0;

  beforeAll(() => {
    begin = server.major % stride;
  });
  afterAll(async () => {
    for (const { database, session } of databases.values()) {
      await session.close();
      await database.drop();
    }
  });

  /** One for all folders, but for those that expect the platform. */
  const databaseFor = async (folder: Folder, generation: number) => {
    const { platform, name } = folder.format;
    const key = `${platform ? name : ''} ${generation}`;
    const known = databases.get(key);
    if (known) return known.session;
    const database = await createDatabase(server);
    const session = await openSession(parseTarget(database.url), {
      application: 'test',
      path: 'DEFAULT',
    });
    if (platform) await session.script(platform.prelude);
    databases.set(key, { database, session });
    return session;
  };

  it(
    'is proven only where it is true, repaired where it can be, and restored by an undo',
    async () => {
      const only = process.env['DBOPS_ONLY'];
      const chosen = pairs.filter(({ project, format }, at) =>
        only === undefined ? at % stride === begin : `${project} ${format}`.includes(only),
      );
      const counts: Record<string, number> = {};
      const count = (what: string) => (counts[what] = (counts[what] ?? 0) + 1);
      let run = 0;
      const failures: string[] = [];
      await fc.assert(
        fc.asyncProperty(fc.integer(), async (seed) => {
          const { project, format } = chosen[run++ % chosen.length] ?? fallback;
          const steps = stepsOf(project);
          const key = `${project} ${format}`;
          const plain = folders.get(key) ?? (await folderOf(format, steps));
          folders.set(key, plain);
          // What is rolled back stays in the catalog until it is vacuumed.
          const session = await databaseFor(plain, Math.floor(run / 400));
          await session.script('BEGIN');
          const story = [`${project} in ${format}, seed ${seed}`];
          try {
            const within = nested(session);
            const random = randomFrom(seed);
            const scene = await damage({ session: within, format, steps, plain, random });
            story.push(...scene.story);
            const wanted = {
              migrations: scene.folder.migrations,
              format: scene.folder.format,
              targetNames: { database: 'postgres', roles: [] },
              scope: { ignore: [] },
              server: parseTarget(server.adminUrl),
              environment: { DBOPS_CACHE_DIR: join(inject('scratch'), 'cache') },
              signal: new AbortController().signal,
            };
            const outcome = await examine(within, scene, { wanted, steps });
            if (outcome.isProvable) count('provable');
            if (outcome.isRepaired) count('repaired');
            for (const verdict of outcome.verdicts) count(verdict);
            if (outcome.wrong.length > 0)
              failures.push([...story, outcome.verdicts.join(' '), ...outcome.wrong].join('\n'));
          } catch (error) {
            failures.push([...story, error instanceof Error ? error.stack : ''].join('\n'));
          } finally {
            await session.script('ROLLBACK');
          }
        }),
        { numRuns: scenes, ...seeded() },
      );
      expect(failures.slice(0, 10).join('\n\n')).toBe('');
      if (scenes >= 1_000) process.stderr.write(`${JSON.stringify(counts)}\n`);
      expect(counts['repaired'] ?? 0).toBeGreaterThan(scenes / 10);
    },
    scenes * 3_000 + 60_000,
  );
});

/** `DBOPS_SEED` repeats a run; `DBOPS_SCENES=1,2` runs the scenes of failures first (with `DBOPS_ONLY`). */
function seeded(): { seed?: number; examples: [number][] } {
  const seed = process.env['DBOPS_SEED'];
  const scene = process.env['DBOPS_SCENES']?.split(',').map((text): [number] => [Number(text)]);
  return { ...(seed !== undefined && { seed: Number(seed) }), examples: scene ?? [] };
}
