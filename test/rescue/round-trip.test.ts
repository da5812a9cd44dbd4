import { describe, expect, it, vi } from 'vitest';
import { targets, withDatabase } from '../db/targets.ts';
import { withSession } from '../db/session.ts';
import { bringBack, contentOf, destroy } from './session.ts';
import { create, drop, fill } from './zoo.ts';

// A PGlite takes seconds to open on a busy machine.
vi.setConfig({ testTimeout: 120_000 });

describe.each(targets)('a rollback and back again on $name', (target) => {
  it('ends with the same rows in every table, whatever they hold', () =>
    withDatabase(target, (url) =>
      withSession(url, async (session) => {
        await session.script(create);
        await session.script(fill);
        const before = await contentOf(session);
        const kept = await destroy(session, drop, '0001_zoo', 'down');
        expect(kept).toHaveLength(10);
        expect(Object.keys(await contentOf(session))).toEqual([]);
        const restored = await bringBack(session, create, '0001_zoo', 'up');
        expect(restored.filter(({ obstacle }) => obstacle)).toEqual([]);
        expect(await contentOf(session)).toEqual(before);
      }),
    ));
});
