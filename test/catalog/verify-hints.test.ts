import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { casesOn, newest, servers, type Server } from '../db/targets.ts';
import { withServerShadow, type Project } from '../migrate/project.ts';

const files = {
  '0001_a.up.sql': `CREATE TABLE "P" (id int PRIMARY KEY);
    CREATE TABLE t (id int PRIMARY KEY, a int REFERENCES "P", kind varchar(5) CHECK (kind IN ('x', 'y')),
      c int CHECK (c > 0), email text, at timestamptz DEFAULT now() + interval '1 day');
    CREATE INDEX t_kind ON t (lower(kind), (c::text)) WHERE kind IN ('x', 'y');
    CREATE VIEW v AS SELECT id FROM t WHERE kind IN ('x', 'y') OR email LIKE 'z%';
    CREATE POLICY p ON t USING (kind IN ('x', 'y'));`,
};

/** Changes by hand, each of which a pasted hint undoes. */
const drifts: [what: string, sql: string][] = [
  ['triggers of the referring table', 'ALTER TABLE t DISABLE TRIGGER ALL'],
  ['triggers of the table referred to', 'ALTER TABLE "P" DISABLE TRIGGER ALL'],
  ['a CHECK', 'ALTER TABLE t DROP CONSTRAINT t_kind_check'],
  ['an index, a view and a policy', 'DROP INDEX t_kind; DROP VIEW v; DROP POLICY p ON t'],
  ['a default', 'ALTER TABLE t ALTER at DROP DEFAULT'],
];

/** A hint may mention several statements; they follow the last colon that is followed by one. */
const statements = /: ((?:ALTER|CREATE|DROP|BEGIN|SELECT|REINDEX)\b[^]*;)$/;
const document = z.object({ findings: z.array(z.object({ code: z.string(), help: z.string() })) });

async function hintsOf(project: Project): Promise<string[]> {
  const { findings } = document.parse(await project.json('verify', 'schema', 'integrity'));
  return findings.map(({ help }) => statements.exec(help)?.[1] ?? expect.fail(help));
}

const spread = servers.flatMap((server) =>
  casesOn(server, drifts, servers).map((drift) => [server, ...drift] as const),
);

describe('the hint of a finding, when it is pasted,', () => {
  it.each(spread.map(([server, what, sql]) => ({ server, what, sql, on: server.name })))(
    'restores $what on $on',
    ({ server, sql }) =>
      withServerShadow(server, files, async (project) => {
        await project.dbops('migrate', 'up');
        await project.query(sql);
        const hints = await hintsOf(project);
        expect(hints.length).toBeGreaterThan(0);
        for (const hint of hints) await project.query(hint);
        expect(await hintsOf(project)).toEqual([]);
      }),
  );

  it.runIf(newest[0])('finds the rows that make a unique index invalid, and rebuilds it', () =>
    withServerShadow(newest[0] as Server, files, async (project) => {
      await project.dbops('migrate', 'up');
      await project.query(
        `INSERT INTO t (id, email, c) VALUES (1, 'A', 1), (2, 'a', 1), (3, 'b', 1), (4, NULL, 1), (5, NULL, 1)`,
      );
      const create =
        'CREATE UNIQUE INDEX CONCURRENTLY "t E" ON t (lower(email), c) WHERE a IS NULL';
      await expect(project.query(create)).rejects.toThrow('could not create unique index');
      const { findings: before } = document.parse(
        await project.json('verify', 'schema', 'integrity'),
      );
      const { help = '' } = before.find(({ code }) => code === 'invalid-index') ?? {};
      const hint = statements.exec(help)?.[1] ?? '';
      const [, find = '', rebuild = ''] = /^(SELECT[^]*?;) (REINDEX[^]*;)$/.exec(hint) ?? [];
      expect(await project.query(find)).toEqual([{ lower: 'a', c: 1, count: 2n }]);
      await project.query('DELETE FROM t WHERE id = 2');
      await project.query(rebuild);
      const { findings } = document.parse(await project.json('verify', 'schema', 'integrity'));
      expect(findings.map(({ code }) => code)).toEqual(['extra-index']);
    }),
  );
});
