import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cases } from '../cases.ts';
import { targets, withDatabase } from '../db/targets.ts';
import { withSession } from '../db/session.ts';
import { bringBack, contentOf, destroy } from './session.ts';
import { randomTable, typesOf } from './random.ts';

const tables = cases(6);

describe.each(targets)('any table on $name', (target) => {
  it(
    `has its rows again after a loss and back (${tables} cases)`,
    { timeout: 60_000 + tables * 1_000 },
    () =>
      withDatabase(target, (url) =>
        withSession(url, async (session) => {
          await fc.assert(
            fc.asyncProperty(randomTable, async ({ make, destroy: script, bringBack: back }) => {
              await session.script(
                `DROP SCHEMA IF EXISTS dbops_rescue CASCADE; DROP SCHEMA public CASCADE; CREATE SCHEMA public; ${typesOf}`,
              );
              await session.script(make);
              const before = await contentOf(session);
              await destroy(session, script);
              const restored = await bringBack(session, back);
              expect(restored.filter(({ obstacle }) => obstacle)).toEqual([]);
              expect(await contentOf(session)).toEqual(before);
            }),
            { numRuns: tables },
          );
        }),
      ),
  );
});
