import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { newest, type Server } from '../db/targets.ts';
import { withSession } from '../db/session.ts';
import { projectOn, withProject, type Project } from './project.ts';

/** Statements of a second migration, and the statements that grant what its role lacks. */
const lacking: [what: string, sql: string, grant: RegExp][] = [
  [
    'TRIGGER',
    'CREATE TRIGGER f BEFORE INSERT ON s."T" FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()',
    /run: GRANT TRIGGER ON s\."T" TO (\w+);/,
  ],
  [
    'REFERENCES',
    'CREATE TABLE mine (t int REFERENCES s."T")',
    /run: GRANT REFERENCES ON s\."T" TO/,
  ],
  ['INSERT', 'INSERT INTO s."T" SELECT 1', /run: GRANT INSERT ON s\."T" TO/],
  [
    'USAGE of its schema',
    'SELECT * FROM closed.u',
    /run: GRANT USAGE ON SCHEMA closed TO (\w+); GRANT SELECT ON closed\.u TO/,
  ],
  ['CREATE in a schema', 'CREATE TABLE s.x ()', /run: GRANT CREATE ON SCHEMA s TO/],
  ['ownership', 'ALTER TABLE s."T" ADD COLUMN x int', /run: GRANT postgres TO/],
  [
    'a privilege of the role that the file sets',
    'SET LOCAL ROLE OTHER; INSERT INTO s."T" VALUES (1)',
    /run: GRANT INSERT ON s\."T" TO OTHER;/,
  ],
];

const [on] = newest;

describe.runIf(on)('the hint for a missing privilege', () => {
  it.each(lacking)('grants what a migration lacks: %s', (_, sql, grant) =>
    withRole(on ?? expect.fail(), async (project, { other }) => {
      project.write({ '0002_b.up.sql': `${sql.replace('OTHER', other)};` });
      const { exitCode, stderr } = await project.dbops('migrate', 'up');
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 3 });
      expect(stderr).toMatch(new RegExp(grant.source.replace('OTHER', other)));
    }),
  );

  it('grants what another command lacks, to the role in force', () =>
    withRole(on ?? expect.fail(), async (project, { other }) => {
      const url = new URL(project.url);
      url.searchParams.set('options', `-c role=${other}`);
      const { exitCode, stderr } = await projectOn(url.href, project.root).dbops(
        'migrate',
        'status',
      );
      expect({ exitCode, stderr }).toMatchObject({ exitCode: 3 });
      expect(stderr).toContain(`GRANT USAGE ON SCHEMA dbops TO ${other};`);
      expect(stderr).toContain(`GRANT SELECT ON dbops.migrations TO ${other};`);
    }));
});

/** Runs a test as a role that owns nothing of the database and may SET ROLE to `other`. */
async function withRole(
  server: Server,
  test: (project: Project, roles: { other: string }) => Promise<void>,
): Promise<void> {
  const id = randomUUID().slice(0, 8);
  const [role, other] = [`deployer_${id}`, `other_${id}`];
  await withProject(server, { '0001_a.up.sql': 'SELECT 1;' }, async (project) => {
    const as = new URL(project.url);
    as.username = role;
    await withSession(project.url, (session) =>
      session.script(`CREATE ROLE ${other}; CREATE ROLE ${role} LOGIN IN ROLE ${other};
        CREATE SCHEMA s; CREATE TABLE s."T" (id int PRIMARY KEY);
        GRANT USAGE ON SCHEMA s TO ${role}, ${other}; GRANT CREATE ON SCHEMA public TO ${role};
        GRANT SELECT ON s."T" TO ${role};
        CREATE SCHEMA closed; CREATE TABLE closed.u (id int);
        GRANT CREATE ON DATABASE ${as.pathname.slice(1)} TO ${role}`),
    );
    const deployment = projectOn(as.href, project.root);
    await deployment.dbops('migrate', 'up', '--into-existing');
    await test(deployment, { other });
    await project
      .query(`DROP OWNED BY ${role}, ${other}; DROP ROLE ${role}, ${other}`)
      .catch(() => {});
  });
}
