import { hash } from 'node:crypto';
import { resolve } from 'node:path';
import { readFolder } from '../../../src/formats/open-folder.ts';
import type { Folder } from '../../../src/formats/format.ts';
import { splitStatements } from '../../../src/sql/statements.ts';
import { writeProject } from '../../migrate/project.ts';
import { turnoverOf, type MigrationText } from './turnover.ts';

const repository = resolve(import.meta.dirname, '../../..');

/** The worked projects and the reference schema, each as the SQL that it is made of. */
export const projects = {
  workshops: 'test/fixtures/workshops/drizzle',
  'e-commerce': 'test/fixtures/e-commerce/drizzle',
  credits: 'test/fixtures/credits/prisma/migrations',
  'starter-kit': 'test/fixtures/starter-kit/supabase/migrations',
  reference: 'migrations',
};

/** Seeds of random folders. */
const turnovers = { 'turnover 1': 1, 'turnover 2': 2, 'turnover 3': 3, 'turnover 4': 4 };
export type ProjectName = keyof typeof projects | keyof typeof turnovers;

export const projectNames: ProjectName[] = [
  ...(Object.keys(projects) as (keyof typeof projects)[]),
  ...(Object.keys(turnovers) as (keyof typeof turnovers)[]),
];

/** @returns the statements of a worked project, or of a random folder that drops what it creates */
export function stepsOf(name: ProjectName): MigrationText[] {
  if (!(name in projects)) return turnoverOf(turnovers[name as keyof typeof turnovers]);
  return stepsOfProject(name as keyof typeof projects);
}

function stepsOfProject(name: keyof typeof projects): MigrationText[] {
  const folder = readFolder({ migrations: `${repository}/${projects[name]}`, root: repository });
  return folder.migrations.map((migration) => ({
    slug: migration.name.replace(/^\d+_+/, ''),
    // Nothing of a scene is committed.
    sql: migration.up.kind === 'sql' ? migration.up.sql.replaceAll(/\bCONCURRENTLY\b/gi, '') : '',
  }));
}

type Files = Record<string, string>;
type Writer = (steps: readonly MigrationText[]) => Promise<Files> | Files;

const pad = (at: number, digits: number) => String(at).padStart(digits, '0');
const dated = (at: number) =>
  `2026${pad(1 + Math.floor(at / 28), 2)}${pad(1 + (at % 28), 2)}000000`;
const each = (
  steps: readonly MigrationText[],
  toFile: (step: MigrationText, at: number) => [string, string],
) => Object.fromEntries(steps.map(toFile));

/** As modules send it: one statement at a time. */
async function statementsOf(sql: string): Promise<string> {
  return JSON.stringify((await splitStatements(sql)).map((statement) => statement.sql));
}

async function modules(
  steps: readonly MigrationText[],
  toFile: (name: string, list: string) => [string, string],
) {
  const files: Files = {};
  for (const [at, { slug, sql }] of steps.entries()) {
    const [file, text] = toFile(`${dated(at)}_${slug}`, await statementsOf(sql));
    files[file] = text;
  }
  return files;
}

/** The folder of each tool with these migrations. */
export const writers = {
  dbops: (steps) =>
    each(steps, ({ slug, sql }, at) => [`migrations/${pad(at + 1, 4)}_${slug}.up.sql`, sql]),
  drizzle: (steps) => ({
    ...each(steps, ({ slug, sql }, at) => [`drizzle/${pad(at, 4)}_${slug}.sql`, sql]),
    'drizzle/meta/_journal.json': JSON.stringify({
      version: '7',
      dialect: 'postgresql',
      entries: steps.map(({ slug }, at) => ({
        idx: at,
        version: '7',
        when: 1767225600000 + at * 86_400_000,
        tag: `${pad(at, 4)}_${slug}`,
        breakpoints: true,
      })),
    }),
  }),
  'drizzle 1.0': (steps) =>
    Object.assign(
      each(steps, ({ slug, sql }, at) => [`drizzle/${dated(at)}_${slug}/migration.sql`, sql]),
      each(steps, ({ slug }, at) => [`drizzle/${dated(at)}_${slug}/snapshot.json`, '{}']),
    ),
  prisma: (steps) => ({
    'prisma/migrations/migration_lock.toml': 'provider = "postgresql"\n',
    ...each(steps, ({ slug, sql }, at) => [
      `prisma/migrations/${dated(at)}_${slug}/migration.sql`,
      sql,
    ]),
  }),
  supabase: (steps) =>
    each(steps, ({ slug, sql }, at) => [`supabase/migrations/${dated(at)}_${slug}.sql`, sql]),
  dbmate: (steps) =>
    each(steps, ({ slug, sql }, at) => [
      `migrations/${dated(at)}_${slug}.sql`,
      `-- migrate:up\n${sql}\n-- migrate:down\n`,
    ]),
  'node-pg-migrate': (steps) =>
    each(steps, ({ slug, sql }, at) => [
      `migrations/${1767225600000 + at}_${slug}.sql`,
      `-- Up Migration\n${sql}\n`,
    ]),
  'graphile-migrate': (steps) => {
    let previous = '';
    const files = each(steps, ({ slug, sql }, at) => {
      const own = `sha1:${hash('sha1', `${`${previous}\n${sql.trim()}`.trim()}\n`)}`;
      const text = `--! Previous: ${previous || '-'}\n--! Hash: ${own}\n\n${sql.trim()}\n`;
      previous = own;
      return [`migrations/committed/${pad(at + 1, 6)}-${slug.replaceAll('_', '-')}.sql`, text];
    });
    return { ...files, 'migrations/current.sql': '' };
  },
  kysely: async (steps) => ({
    'package.json': '{ "type": "module" }',
    'kysely.config.ts': 'export default {};',
    ...(await modules(steps, (name, list) => [
      `migrations/${name}.ts`,
      `import { sql } from 'kysely';\nexport const up = async (db) => { for (const each of ${list}) await sql.raw(each).execute(db); };\n`,
    ])),
  }),
  knex: (steps) =>
    modules(steps, (name, list) => [
      `migrations/${name}.cjs`,
      `exports.up = async (knex) => { for (const each of ${list}) await knex.raw(each.replaceAll('?', '\\\\?')); };\nexports.down = async (knex) => {};\n`,
    ]),
} satisfies Record<string, Writer>;
export type FormatName = keyof typeof writers;

/** What a format calls the directory of its migrations, below the project. */
const directories: Partial<Record<FormatName, string>> = {
  drizzle: 'drizzle',
  'drizzle 1.0': 'drizzle',
  prisma: 'prisma/migrations',
  supabase: 'supabase/migrations',
};

/** Writes a project of the format and reads it as dbops does. */
export async function folderOf(
  format: FormatName,
  steps: readonly MigrationText[],
  edit: (file: string, text: string) => string = (_, text) => text,
): Promise<Folder> {
  const writer: Writer = writers[format];
  const files = Object.entries(await writer(steps)).map(([file, text]) => [file, edit(file, text)]);
  const root = writeProject(Object.fromEntries(files));
  return openedAt(root, format);
}

function openedAt(root: string, format: FormatName): Folder {
  const name = format === 'drizzle 1.0' ? 'drizzle' : format;
  return readFolder({
    migrations: `${root}/${directories[format] ?? 'migrations'}`,
    format: name,
    root,
  });
}
