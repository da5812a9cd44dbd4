import { describe, expect, it } from 'vitest';
import { inTurn, newest, newestAndEmbedded, withDatabase, type Target } from '../db/targets.ts';
import { projectOn, until, writeInto, writeProject, type Project } from '../migrate/project.ts';
import { nameOf } from './database.ts';

const schema = `CREATE TABLE app (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, slug text UNIQUE NOT NULL);
  CREATE TABLE call (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, app_id bigint NOT NULL REFERENCES app,
    tokens int NOT NULL, cost numeric, place int, kind text, label text, at timestamptz NOT NULL, note text);
  CREATE TABLE answer (call_id bigint REFERENCES call, stars int);
  CREATE TABLE tier (name text PRIMARY KEY, quota int)`;

const seeds = {
  answers: {
    table: 'answer',
    scale: 50,
    columns: { call_id: { $ref: ['calls'] }, stars: 'uniform 1 5' },
  },
  apps: { table: 'app', key: ['slug'], rows: [{ slug: 'a' }, { slug: 'b' }] },
  tiers: {
    table: 'tier',
    key: ['name'],
    environments: ['*'],
    rows: [{ name: 'free', quota: 10 }],
  },
  calls: {
    table: 'call',
    scale: 400,
    columns: {
      app_id: { $ref: ['apps'] },
      tokens: 'lognormal 400',
      cost: 'lognormal 2 0.5',
      place: 'zipf 100',
      kind: 'choice chat image',
      label: 'tab\there {n} \\ back\nline',
      at: 'spread 60 days',
      note: null,
    },
  },
};

const withSeeds = (target: Target, test: (project: Project) => Promise<void>, config = {}) =>
  withDatabase(target, async (url) => {
    const project = projectOn(url, writeProject({}));
    writeInto(project.root, { 'dbops.config.json': JSON.stringify(config) });
    await project.query('SELECT 1');
    for (const statement of schema.split(';')) await project.query(statement);
    await test(project);
  });

describe.each(newestAndEmbedded)('dbops seed of a project on $name', (target) => {
  const it = inTurn(target, newestAndEmbedded);

  it('says what to declare where nothing is declared', () =>
    withSeeds(target, async ({ dbops }) => {
      const { exitCode, stderr } = await dbops('seed');
      expect(exitCode).toBe(2);
      for (const text of [
        'No seeds are declared',
        'free@example.com',
        'pro@example.com',
        'docs/seed.md',
      ])
        expect(stderr).toContain(text);
    }));

  it('seeds only reference data into production, after its plan and consent', () =>
    withSeeds(
      target,
      async ({ url, dbops, json, query }) => {
        await dbops('env', 'set', 'production');
        expect(await dbops('seed', '--only', 'apps')).toMatchObject({ exitCode: 2 });
        const asked = await dbops('seed');
        expect(asked).toMatchObject({
          exitCode: 2,
          stderr: expect.stringContaining('tier: insert 1'),
        });
        expect(await query('SELECT FROM tier')).toEqual([]);
        const confirmed = await json('seed', '--confirm', nameOf(url));
        expect(confirmed).toMatchObject({ exitCode: 0, created: { tier: 1 } });
        const skipped = ['apps', 'calls', 'answers'].map((name) => ({ name, state: 'skipped' }));
        expect(confirmed['sets']).toEqual(expect.arrayContaining(skipped));
        expect(await dbops('seed', '--scale', '2', '--only', 'tiers')).toMatchObject({
          exitCode: 0,
        });
        // Nothing would change: nothing to consent to.
        expect(await dbops('seed')).toMatchObject({ exitCode: 0 });
        expect(await query('SELECT FROM app')).toEqual([]);
      },
      { seeds },
    ));

  it('generates rows in each set of them once, the same in every database, and adds the missing', () =>
    withSeeds(
      target,
      async ({ json, query }) => {
        expect(await json('seed', '--check')).toMatchObject({
          exitCode: 4,
          created: { call: 400 },
        });
        const first = await json('seed');
        expect(first).toMatchObject({ exitCode: 0, created: { app: 2, call: 400, answer: 50 } });
        expect(await json('seed')).toMatchObject({ created: {}, updated: {} });
        const [figures] = await query(
          `SELECT count(*)::int AS rows, count(DISTINCT app_id)::int AS apps, count(DISTINCT kind)::int AS kinds,
              percentile_disc(0.5) WITHIN GROUP (ORDER BY tokens) BETWEEN 300 AND 520 AS median,
              min(place) = 1 AND max(place) <= 100 AS ranks, bool_and(note IS NULL) AS nulls,
              min(at) > now() - interval '61 days' AND max(at) < now() + interval '1 day' AS spread,
              bool_and(label LIKE E'tab\\there % \\\\\\\\ back\\nline') AS labels, max(stars) <= 5 AS stars
             FROM call LEFT JOIN answer ON answer.call_id = call.id`,
        );
        expect(figures).toMatchObject({
          apps: 2,
          kinds: 2,
          median: true,
          ranks: true,
          nulls: true,
          spread: true,
          labels: true,
          stars: true,
        });
        const digest = `SELECT md5(string_agg(concat_ws(' ', tokens, cost, place, kind, label), ',' ORDER BY id)) AS md5
          FROM (SELECT * FROM call ORDER BY id LIMIT 400) x`;
        expect(await query(digest)).toEqual([{ md5: 'a8ac797b7e4c3b57baa7ca9de515a309' }]);
        expect(await json('seed', '--only', 'calls', '--scale', '1,000')).toMatchObject({
          created: { call: 600 },
        });
        expect(await query(digest)).toEqual([{ md5: 'a8ac797b7e4c3b57baa7ca9de515a309' }]);
        expect(await query('SELECT count(*)::int AS rows FROM call')).toEqual([{ rows: 1_000 }]);
        // The rows are gone, so they are generated again.
        await query('TRUNCATE call, answer');
        expect(await json('seed')).toMatchObject({ created: { call: 400, answer: 50 } });
      },
      { seeds },
    ));

  it('asks for the name of a used database before a file or a module writes, and notes random()', () =>
    withSeeds(target, async ({ url, root, dbops, query }) => {
      writeInto(root, {
        'seed.sql': `INSERT INTO app (slug) SELECT 'file' WHERE random() < 2 ON CONFLICT DO NOTHING`,
        'seed.mjs': `export const seed = (db) =>
          db.insertInto('app').values({ slug: 'module' }).onConflict((c) => c.doNothing()).execute();`,
      });
      const declare = (declared: object) =>
        writeInto(root, { 'dbops.config.json': JSON.stringify({ seeds: declared }) });
      await query(`INSERT INTO app (slug) VALUES ('mine')`);
      const [file, module] = [{ file: 'seed.sql' }, { module: 'seed.mjs' }];
      for (const declared of [{ file }, { module }]) {
        declare(declared);
        const refused = await dbops('seed');
        expect(refused).toMatchObject({ exitCode: 2 });
        expect(refused.stderr).toMatch(/looks used: public\.app holds 1 row that no seed wrote/);
        expect(await query('SELECT slug FROM app')).toEqual([{ slug: 'mine' }]);
      }
      declare({ file, module });
      const confirmed = await dbops('seed', '--confirm', nameOf(url));
      expect(confirmed).toMatchObject({
        exitCode: 0,
        stdout: expect.stringContaining(
          'seeds.file calls random(): each database gets other values.',
        ),
      });
      expect(await query('SELECT slug FROM app')).toHaveLength(3);
      expect(await dbops('seed')).toMatchObject({ exitCode: 0 });
    }));

  it('refuses generated rows that cannot be', () =>
    withSeeds(target, async ({ root, json, query }) => {
      const columns = seeds.calls.columns;
      for (const [set, code] of [
        [{ columns: { ...columns, tokens: 'lognormal many' } }, 'SEED.DISTRIBUTION'],
        [{ columns: { ...columns, id: 'zipf 3' } }, 'SEED.COLUMN'],
        [{ columns: { ...columns, app_id: { $ref: ['nothing'] } } }, 'SEED.REF'],
        [{ columns: { ...columns, app_id: 'zipf 3' } }, 'SEED.FAILED'],
        [{ table: 'tiers' }, 'SEED.NOT_MIGRATED'],
      ] as const) {
        const config = { seeds: { calls: { ...seeds.calls, ...set }, apps: seeds.apps } };
        writeInto(root, { 'dbops.config.json': JSON.stringify(config) });
        expect((await json('seed')).error?.code).toBe(code);
      }
      writeInto(root, { 'dbops.config.json': JSON.stringify({ seeds: { apps: seeds.apps } }) });
      expect((await json('seed', '--scale', '9')).error?.code).toBe('SEED.SCALE');
      expect(await query('SELECT FROM call')).toEqual([]);
    }));
});

describe.each(newest)('dbops seed --scale on $name', (target) => {
  it('loads nothing of a set when it is interrupted during COPY, and says how to continue', () =>
    withSeeds(
      target,
      async ({ start, json, query }) => {
        const { child, answer } = start('seed', '--scale', '50,000,000');
        await until(async () => {
          const [row] = await query('SELECT FROM pg_stat_progress_copy WHERE tuples_processed > 0');
          return row;
        });
        child.kill('SIGINT');
        const { exitCode, stderr } = await answer;
        expect(exitCode).toBe(130);
        expect(stderr).toContain('Interrupted; no row of calls was loaded by this run.');
        expect(stderr).toContain('dbops seed --scale 50000000');
        expect(await query('SELECT FROM call')).toEqual([]);
        expect(
          await query(`SELECT FROM pg_stat_activity WHERE application_name = 'dbops seed'`),
        ).toEqual([]);
        expect(await json('seed')).toMatchObject({ exitCode: 0, created: { call: 400 } });
      },
      { seeds: { apps: seeds.apps, calls: seeds.calls } },
    ));
});
