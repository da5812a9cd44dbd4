import { renameSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { newest, withDatabase, type Target } from '../db/targets.ts';
import { projectOn, writeProject, type Project } from '../migrate/project.ts';

const answerShape = z.looseObject({
  migrations: z.array(z.looseObject({ verdict: z.string().optional() })).default([]),
  skipped: z.array(z.unknown()).default([]),
  findings: z.array(z.unknown()).default([]),
});

/** Runs the built program: a process keeps the modules that it has loaded. */
async function run({ project, server }: Opened, ...words: string[]) {
  const shadow = server.kind === 'server' ? ['--shadow-url', server.adminUrl] : [];
  const { exitCode, stdout } = await project.start(...words, ...shadow, '--json').answer;
  return { exitCode, ...answerShape.parse(JSON.parse(stdout)) };
}

interface Opened {
  project: Project;
  server: Target;
}

const helper = (table: string) => `exports.table = '${table}';\n`;

/** Two Knex modules; the second takes the name of its table from somewhere else. */
function filesOf(source: string) {
  const module = (sql: string) =>
    `exports.up = async (knex) => { await knex.raw(${sql}); };\nexports.down = async () => {};\n`;
  return {
    'package.json': '{ "private": true }',
    'db/migrations/20260101000000_one.js': module("'CREATE TABLE one (id int)'"),
    'db/migrations/20260102000000_two.js': `const { table } = require('${source}');\n${module(
      '`CREATE TABLE ${table} (id int)`',
    )}`,
  };
}

function withModules(
  server: Target,
  files: Record<string, string>,
  test: (opened: Opened) => Promise<void>,
) {
  return withDatabase(server, async (url) => {
    const project = projectOn(url, writeProject(files));
    await test({ project, server });
  });
}

const words = ['--format', 'knex', '--migrations', 'db/migrations'];

describe.each(newest)('the cache of replays on $name', (server) => {
  it('replays a module again once the package that it lacked is installed', () =>
    withModules(
      server,
      { ...filesOf('names'), 'db/node_modules/names/index.js': helper('two') },
      async (opened) => {
        const { root } = opened.project;
        expect(await run(opened, 'migrate', 'up', ...words)).toMatchObject({ exitCode: 0 });
        renameSync(`${root}/db/node_modules/names`, `${root}/db/node_modules/away`);
        const without = await run(opened, 'repair-tracking', ...words);
        expect(without.skipped).toHaveLength(1);
        renameSync(`${root}/db/node_modules/away`, `${root}/db/node_modules/names`);
        const mended = await run(opened, 'repair-tracking', ...words);
        expect(mended).toMatchObject({ exitCode: 0, skipped: [] });
        expect(mended.migrations.map(({ verdict }) => verdict)).toEqual(['recorded', 'recorded']);
      },
    ));

  it('replays a module again when a file that it imports has changed', () =>
    withModules(
      server,
      {
        ...filesOf('../names'),
        'db/names.js': `module.exports = require('./deep');\n`,
        'db/deep.js': helper('two'),
      },
      async (opened) => {
        expect(await run(opened, 'migrate', 'up', ...words)).toMatchObject({ exitCode: 0 });
        expect(await run(opened, 'verify', 'schema', ...words)).toMatchObject({ exitCode: 0 });
        writeFileSync(`${opened.project.root}/db/deep.js`, helper('other'));
        const changed = await run(opened, 'verify', 'schema', ...words);
        expect(changed).toMatchObject({ exitCode: 4 });
        expect(JSON.stringify(changed.findings)).toContain('other');
      },
    ));

  it('replays again on a server that has a role which it lacked before', () =>
    withDatabase(server, async (url) => {
      const role = `dbops_cache_${process.pid}`;
      const files = {
        'migrations/0001_one.up.sql': 'CREATE TABLE one (id int);',
        'migrations/0002_two.up.sql': `CREATE TABLE two (id int);\nALTER TABLE two OWNER TO ${role};`,
      };
      const opened = { project: projectOn(url, writeProject(files)), server };
      await opened.project.query(`CREATE ROLE ${role}`);
      try {
        expect(await run(opened, 'migrate', 'up')).toMatchObject({ exitCode: 0 });
        await opened.project.query(
          `REASSIGN OWNED BY ${role} TO CURRENT_USER; DROP OWNED BY ${role}; DROP ROLE ${role}`,
        );
        await run(opened, 'repair-tracking');
        await opened.project.query(`CREATE ROLE ${role}`);
        const mended = await run(opened, 'repair-tracking');
        expect(mended).toMatchObject({ exitCode: 0, skipped: [] });
      } finally {
        await opened.project.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
      }
    }));
});
