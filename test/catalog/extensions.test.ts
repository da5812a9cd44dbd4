import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { extensionsFor } from '../../src/shadow/extensions.ts';
import { replay } from '../../src/shadow/replay.ts';
import { withShadow } from '../../src/shadow/shadow.ts';
import { shippedExtensions } from '../../src/db/pglite-extensions.ts';
import type { Session } from '../../src/db/session.ts';
import { parseTarget, type Target } from '../../src/db/target.ts';
import { dbops } from '../../src/formats/dbops/index.ts';
import type { Migration } from '../../src/migration.ts';
import { folderOf } from '../cli/run-cli.ts';
import { newest, servers, withDatabase } from '../db/targets.ts';
import { trialOf } from './trial.ts';

const { signal } = new AbortController();

function migrationOf(sql: string): Migration {
  return { name: '0001_a', hash: '', up: { kind: 'sql', file: '/folder/0001_a.up.sql', sql } };
}

/** The extensions that migrations make in an embedded shadow, opened as for a command. */
function extensionsAfter(migrations: Migration[]): Promise<string[]> {
  const extensions = extensionsFor(migrations, dbops);
  return withShadow({ signal, extensions }, async (shadow) => {
    await replay(shadow, migrations, dbops);
    return namesOf(shadow, 'extname', 'pg_extension');
  });
}

function replayed(sql: string, server: Target | undefined) {
  return withShadow({ server, signal }, (shadow) => replay(shadow, [migrationOf(sql)], dbops));
}

async function namesOf(session: Session, column: string, table: string): Promise<string[]> {
  const rows = await session.query<{ name: string }>(
    `SELECT ${column} AS name FROM ${table} WHERE ${column} <> 'plpgsql' ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

describe('the embedded shadow', () => {
  it('has every extension that PGlite ships', async () => {
    const shipped = shippedExtensions();
    const modules = [...new Set(shipped.values())];
    const failures: string[] = [];
    await withShadow({ signal, extensions: { modules, standIns: {} } }, async (shadow) => {
      for (const name of shipped.keys()) {
        const make =
          name === 'auto_explain' ? `LOAD '${name}'` : `CREATE EXTENSION "${name}" CASCADE`;
        await shadow
          .script(
            `SET LOCAL search_path TO public; ${make}; DROP EXTENSION IF EXISTS "${name}" CASCADE`,
          )
          .catch((error) => {
            failures.push(`${name}: ${error}`);
          });
      }
      const available = await namesOf(shadow, 'name', 'pg_available_extensions');
      expect(available.filter((name) => !shipped.has(name))).toEqual([]);
    });
    expect(failures).toEqual([]);
    expect([...shipped.keys()]).toEqual(
      expect.arrayContaining(['citext', 'hstore', 'ltree', 'pg_trgm', 'pgcrypto', 'uuid-ossp']),
    );
  });

  it.each([
    ['by its name', 'CREATE EXTENSION citext', ['citext']],
    ['quoted, in capitals', 'create Extension If Not Exists "uuid-ossp"', ['uuid_ossp']],
    ['in a schema', 'CREATE EXTENSION ltree WITH SCHEMA extensions', ['ltree']],
    ['with what it requires', 'CREATE EXTENSION earthdistance CASCADE', ['earthdistance', 'cube']],
    [
      'in a block',
      `DO $$ BEGIN EXECUTE format('CREATE EXTENSION %I', 'hstore'); END $$`,
      ['hstore'],
    ],
    ['that comes with another', 'CREATE EXTENSION autoinc', ['moddatetime']],
    ['and no other', 'CREATE TABLE citext (lo int)', []],
  ])('is opened with an extension that is asked for %s', (_, sql, modules) => {
    const wanted = extensionsFor([migrationOf(sql)], dbops);
    expect(wanted.modules.map((module) => basename(module))).toEqual(modules);
  });

  it('makes them', async () => {
    const migrations = [
      'CREATE EXTENSION citext; CREATE EXTENSION earthdistance CASCADE',
      'CREATE SCHEMA extensions; CREATE EXTENSION ltree WITH SCHEMA extensions; CREATE TABLE t (p extensions.ltree)',
      `DO $$ BEGIN EXECUTE format('CREATE EXTENSION %I', 'uuid-ossp'); END $$`,
    ];
    const made = await extensionsAfter(migrations.map(migrationOf));
    expect(made).toEqual(['citext', 'cube', 'earthdistance', 'ltree', 'uuid-ossp']);
  });

  it('loads what a module asks for', async () => {
    const file = `${folderOf({
      '0001_a.mjs': `const name = ['ci', 'text'].join('');
        export const up = (db) => db.getExecutor().executeQuery({ query: { kind: 'RawNode' }, sql: 'CREATE EXTENSION ' + name, parameters: [], queryId: { queryId: '1' } });`,
    })}/0001_a.mjs`;
    const up = { kind: 'module' as const, file };
    expect(await extensionsAfter([{ name: '0001_a', hash: '', up }])).toEqual(['citext']);
  });
});

const places = [
  { name: 'the embedded shadow', server: undefined },
  ...servers.map(({ adminUrl }) => ({
    name: 'the server of --shadow-url',
    server: parseTarget(adminUrl),
  })),
];

describe.each(places)('an extension that $name lacks', ({ name, server }) => {
  it('is reported with file, line and fix', async () => {
    const run = replayed('CREATE TABLE a ();\n\nCREATE EXTENSION IF NOT EXISTS "no-such";', server);
    await expect(run).rejects.toMatchObject({
      code: 'SHADOW.EXTENSION',
      exitCode: 2,
      message: `0001_a needs the extension no-such, which ${name} lacks.`,
      reason: expect.arrayContaining([expect.stringMatching(/0001_a\.up\.sql:3$/)]),
      hint: expect.stringContaining('--shadow-url'),
    });
  });
});

describe.each(newest)('on $name', (server) => {
  it.each([
    ['a block', 'DO $$ BEGIN CREATE EXTENSION "no-such"; END $$', 2],
    ['a file without a transaction', '-- dbops: no-transaction\nCREATE EXTENSION "no-such"', 3],
  ])('an extension is missed in %s too', async (_, sql, line) => {
    const run = replayed(`CREATE TABLE a ();\n${sql}`, parseTarget(server.adminUrl));
    await expect(run).rejects.toMatchObject({
      code: 'SHADOW.EXTENSION',
      reason: expect.arrayContaining([expect.stringContaining(`0001_a.up.sql:${line}`)]),
    });
  });

  it('verify replays extensions in the embedded shadow', () =>
    withDatabase(server, async (url) => {
      const folder = folderOf({
        '0001_a.up.sql': `CREATE EXTENSION citext; CREATE EXTENSION btree_gist;
          CREATE TABLE a (name citext PRIMARY KEY CHECK (name <> 'nobody'), n int, EXCLUDE USING gist (n WITH =));`,
      });
      const trial = trialOf(url, folder);
      await trial.migrateUp();
      expect(await trial.findings()).toEqual([]);
    }));
});
