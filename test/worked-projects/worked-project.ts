import { cpSync, mkdtempSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, inject } from 'vitest';
import { withDatabase, type Server } from '../db/targets.ts';
import { projectOn, type Project } from '../migrate/project.ts';
import { catalogOf } from '../reference/catalog.ts';

/** A project of `test/fixtures` on a database of its own. */
export interface WorkedProject extends Project {
  /** Runs an SQL file of the fixture, as somebody would with psql. */
  psql(file: string): Promise<void>;
}

const fixtures = resolve(import.meta.dirname, '../fixtures');

/** Copies the project, so that a test may change its files. */
export function withWorkedProject(
  server: Server,
  name: string,
  test: (project: WorkedProject) => Promise<void>,
): Promise<void> {
  const source = join(fixtures, name);
  const root = mkdtempSync(join(inject('scratch'), `${name}-`));
  cpSync(source, root, { recursive: true });
  return withDatabase(server, (url) => {
    const project = projectOn(url, root);
    return test({
      ...project,
      async psql(file) {
        // One message without parameters may hold many statements.
        await project.query(readFileSync(join(source, file), 'utf8'));
      },
    });
  });
}

/** The whole folder goes up on the database, and nothing is left to do. */
export async function expectWhole(project: Project, format: string, count: number): Promise<void> {
  const up = await project.json('migrate', 'up');
  expect(up).toMatchObject({ exitCode: 0, ok: true });
  expect(up.migrations).toHaveLength(count);
  const status = await project.json('migrate', 'status', '--check');
  expect(status).toMatchObject({ exitCode: 0, format });
  expect(status.migrations.map(({ state }) => state)).toEqual(Array(count).fill('applied'));
}

/** Every object and every row of the application, and the tool's own rows. */
export async function everythingIn(project: Project): Promise<unknown> {
  const tables = await project.query<{ name: string }>(
    `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
      WHERE table_type = 'BASE TABLE' AND table_schema !~ '^pg_'
        AND table_schema NOT IN ('information_schema', 'dbops') ORDER BY 1`,
  );
  const rows: Record<string, unknown> = {};
  for (const { name } of tables)
    rows[name] = await project.query(`SELECT to_jsonb(t) AS row FROM ${name} t ORDER BY 1`);
  return { catalog: await catalogOf(project), rows };
}
