import { describe, expect, it } from 'vitest';
import { newest } from '../db/targets.ts';
import { withProject } from '../migrate/project.ts';

const long = 'a_function_whose_name_has_as_many_bytes_as_postgres_permits_000';
const create = (type: string) =>
  `CREATE FUNCTION ${long}(a timestamp with time zone, b ${type}) RETURNS int LANGUAGE sql AS 'SELECT 1';`;

describe.each(newest)('functions whose names differ after 63 bytes, on $name', (target) => {
  it('are two objects with whole names', () =>
    withProject(
      target,
      { '0001_a.up.sql': `${create('text')}\n${create('integer')}` },
      async ({ dbops, query }) => {
        expect((await dbops('migrate', 'up')).exitCode).toBe(0);
        expect((await dbops('verify', 'schema')).exitCode).toBe(0);
        const dry = await dbops('migrate', 'down', '--dry-run');
        expect(dry.stdout).toContain(
          `drops function public.${long}(timestamp with time zone, text)`,
        );
        await query(`DROP FUNCTION ${long}(timestamptz, integer)`);
        const { stdout, exitCode } = await dbops('verify', 'schema');
        expect(exitCode).toBe(4);
        expect(stdout).toContain(`${long}(timestamp with time zone, integer)`);
        expect(stdout).not.toContain(`${long}(timestamp with time zone, text)`);
      },
    ));
});
