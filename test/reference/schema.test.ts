import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readFolder } from '../../src/formats/open-folder.ts';
import { newestAndEmbedded, withDatabase } from '../db/targets.ts';
import { migrate } from '../migrate/in-session.ts';
import { withSession } from '../db/session.ts';

import { catalogOf } from './catalog.ts';

const root = join(import.meta.dirname, '..', '..');
const names = readFolder({ root }).migrations.map(({ name }) => name);

describe.each(newestAndEmbedded)('the reference schema on $name', (target) => {
  it(
    'is the same after everything was rolled back and applied again',
    () =>
      withDatabase(target, (url) =>
        withSession(url, async (session) => {
          const empty = await catalogOf(session);
          expect(await migrate(session, root, 'up')).toEqual(names);
          const full = await catalogOf(session);
          expect(full.length).toBeGreaterThan(500);
          expect(
            full.filter((line) => line.startsWith('index') && !line.endsWith('valid t ready t')),
          ).toEqual([]);

          expect(await migrate(session, root, 'down', { to: '0' })).toEqual(names.toReversed());
          expect(await catalogOf(session)).toEqual(empty);
          expect(empty).toEqual([]);

          await migrate(session, root, 'up');
          expect(await catalogOf(session)).toEqual(full);
        }),
      ),
    60_000,
  );

  it(
    'is, after each rollback, what it was before the migration',
    () =>
      withDatabase(target, (url) =>
        withSession(url, async (session) => {
          for (const name of names) {
            const before = await catalogOf(session);
            expect(await migrate(session, root, 'up', { steps: 1 })).toEqual([name]);
            const after = await catalogOf(session);
            expect({ name, changes: after.join() !== before.join() }).toEqual({
              name,
              changes: true,
            });
            await migrate(session, root, 'down');
            expect({ name, catalog: await catalogOf(session) }).toEqual({ name, catalog: before });
            await migrate(session, root, 'up', { steps: 1 });
            expect({ name, catalog: await catalogOf(session) }).toEqual({ name, catalog: after });
          }
        }),
      ),
    60_000,
  );
});
