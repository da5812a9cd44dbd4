import { describe, expect, it } from 'vitest';
import { definitionsOf } from '../../src/catalog/definitions.ts';
import { routine } from '../../src/catalog/kinds/function.ts';
import { fullSnapshot, readObjects, readWithFixedSettings } from '../../src/catalog/snapshot.ts';
import { withSession } from '../db/session.ts';
import { targets, withDatabase } from '../db/targets.ts';

const count = 450;
const functions = Array.from(
  { length: count },
  (_, at) =>
    `CREATE FUNCTION "F ${at}"(a int, b "My Type") RETURNS int LANGUAGE sql AS 'SELECT ${at}'`,
);

describe.each(targets)('many functions on $name', (target) => {
  it('are read by the index of their names', () =>
    withDatabase(target, (url) =>
      withSession(url, async (session) => {
        await session.script(`CREATE TYPE "My Type" AS ENUM ('a'); ${functions.join('; ')}`);
        await readWithFixedSettings(session, async () => {
          const all = (await fullSnapshot(session)).filter(({ kind }) => kind === 'function');
          expect(all).toHaveLength(count);
          const found = await readObjects(session, all);
          expect(found).toEqual(all);
          const definitions = await definitionsOf(session, all);
          for (const [at, object] of all.entries()) {
            const [, number = ''] = /F (\d+)/.exec(object.name) ?? [];
            expect(definitions[at]).toContain(`SELECT ${number}`);
          }
          const plan = await session.query(
            `EXPLAIN SELECT (${routine.definition?.(all[0] ?? expect.fail())})`,
          );
          expect(JSON.stringify(plan)).toContain('pg_proc_proname_args_nsp_index');
        });
      }),
    ));
});
