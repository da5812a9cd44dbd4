import { renameSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { inTurn, newest, servers, withDatabase, type Target } from '../db/targets.ts';
import { projectOn, writeProject, type Project } from '../migrate/project.ts';
import { commitAll, gitIn } from '../migrate/git.ts';

interface Tool {
  format: string;
  /** The name of a file in rows. */
  recorded(file: string): string;
  files: Record<string, string>;
  rename: [string, string];
  /** Of the file that only changes rows. */
  renameOfRows: [string, string];
  table: string;
}

const knex = (up: string) => `exports.up = (knex) => knex.raw(${JSON.stringify(up)});
exports.down = () => Promise.resolve();
`;
const kysely = (up: string) => `import { sql } from 'kysely';
export const up = (db) => sql.raw(${JSON.stringify(up)}).execute(db);
`;

const users = 'CREATE TABLE users (id int)';
const fill = 'INSERT INTO users VALUES (1)';

const tools: Tool[] = [
  {
    format: 'knex',
    recorded: (file) => file,
    files: {
      'knexfile.cjs': "module.exports = { client: 'pg' };",
      'migrations/20240101000000_users.cjs': knex(users),
      'migrations/20240102000000_fill.cjs': knex(fill),
    },
    rename: ['20240101000000_users.cjs', '20240101000000_create_users_table.cjs'],
    renameOfRows: ['20240102000000_fill.cjs', '20240103000000_first_user.cjs'],
    table: 'public.knex_migrations',
  },
  {
    format: 'kysely',
    recorded: (file) => file.replace(/\.ts$/, ''),
    files: {
      'package.json': '{ "type": "module" }',
      'kysely.config.ts': 'export default {};',
      'migrations/20240101000000_users.ts': kysely(users),
      'migrations/20240102000000_fill.ts': kysely(fill),
    },
    rename: ['20240101000000_users.ts', '20240101000000_create_users_table.ts'],
    renameOfRows: ['20240102000000_fill.ts', '20240103000000_first_user.ts'],
    table: 'public.kysely_migration',
  },
];

function withApplied(target: Target, tool: Tool, test: (project: Project) => Promise<void>) {
  return withDatabase(target, async (url) => {
    const project = projectOn(url, writeProject(tool.files));
    expect(await project.dbops('migrate', 'up', '--format', tool.format)).toMatchObject({
      exitCode: 0,
    });
    await test(project);
  });
}

const rename = ({ root }: Project, [before, after]: [string, string]) =>
  renameSync(`${root}/migrations/${before}`, `${root}/migrations/${after}`);

const names = async ({ query }: Project, { table }: Tool) =>
  (await query<{ name: string }>(`SELECT name FROM ${table} ORDER BY name`)).map(
    ({ name }) => name,
  );

describe.each(servers)('the row of a renamed file, on $name', (target) => {
  const it = inTurn(target, servers);

  it.each(tools)('is renamed where the number is the same, of $format', (tool) =>
    withApplied(target, tool, async (project) => {
      rename(project, tool.rename);
      const format = ['--format', tool.format];
      const done = await project.json('repair-tracking', ...format, '--apply');
      expect(done).toMatchObject({ exitCode: 0, next: { runs: [] } });
      expect(await names(project, tool)).toEqual(
        [tool.rename[1], tool.renameOfRows[0]].map((file) => tool.recorded(file)),
      );
      expect(await project.json('migrate', 'up', ...format)).toMatchObject({ exitCode: 0 });
    }),
  );
});

describe.each(newest)('a file that only changes rows, renamed in git, on $name', (target) => {
  it.each(tools.flatMap((tool) => ['committed', 'staged'].map((state) => ({ ...tool, state }))))(
    'keeps its row, $state, of $format',
    ({ state, ...tool }) =>
      withApplied(target, tool, async (project) => {
        commitAll(`${project.root}/migrations`);
        const git = gitIn(`${project.root}/migrations`);
        git('mv', ...tool.renameOfRows);
        if (state === 'committed') git('commit', '--quiet', '-m', 'second');
        const format = ['--format', tool.format];
        const done = await project.json('repair-tracking', ...format, '--apply');
        expect(done).toMatchObject({ exitCode: 0, next: { runs: [] } });
        expect(await names(project, tool)).toEqual(
          [tool.rename[0], tool.renameOfRows[1]].map((file) => tool.recorded(file)),
        );
        expect(await project.query('SELECT id FROM users')).toEqual([{ id: 1 }]);
      }),
  );

  it('is not taken for run where neither git nor the schema shows it', () => {
    const [tool] = tools;
    if (!tool) throw new Error('no tool');
    return withApplied(target, tool, async (project) => {
      rename(project, tool.renameOfRows);
      const format = ['--format', tool.format];
      const { exitCode } = await project.json('repair-tracking', ...format, '--apply');
      expect(exitCode).toBe(6);
      expect(await names(project, tool)).toEqual([tool.rename[0], tool.renameOfRows[0]]);
    });
  });
});
