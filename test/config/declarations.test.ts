import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { configJsonSchema } from '../../src/config-schema.ts';
import { loadSettings } from '../../src/config.ts';
import { DbopsError } from '../../src/errors.ts';
import { speakPlainly } from '../../src/output/schema-messages.ts';
import { folderOf, runCli } from '../cli/run-cli.ts';
import { createDatabase, newestAndEmbedded } from '../db/targets.ts';
import { withSession } from '../db/session.ts';

speakPlainly();

const load = (files: Record<string, string>) =>
  loadSettings({ flags: {}, environment: {}, cwd: folderOf(files), interactive: false });

/** Every declaration, as a team writes it in JSON. */
const whole = {
  $schema: './node_modules/dbops/dist/config.schema.json',
  migrations: './drizzle',
  usage: {
    subjects: { from: 'workspace', id: 'id', name: 'title', plan: 'tier' },
    limits: { free: { tokens: 10_000 }, pro: { tokens: 'unlimited' } },
    meters: {
      tokens: {
        from: 'llm_call',
        subject: 'workspace_id',
        at: 'created_at',
        measure: { sum: 'tokens' },
      },
      seats: { from: 'member', subject: 'workspace_id', measure: 'count' },
    },
  },
  checks: {
    'one-wallet': { key: ['account_id'], timeout: '10s', sql: 'SELECT account_id FROM w' },
  },
  reports: { churn: { sql: 'SELECT :month', params: { month: 'date' } } },
  seeds: {
    users: { table: 'account', key: ['email'], rows: [{ email: 'free@example.com' }] },
    team: {
      table: 'workspace',
      key: ['slug'],
      rows: [
        { slug: 'acme', owner: { $ref: ['users', 'free@example.com'] }, at: { $sql: 'now()' } },
      ],
    },
  },
};

describe('declarations', () => {
  it('are read from JSON, which the JSON Schema accepts too', async () => {
    const settings = await load({ 'dbops.config.json': JSON.stringify(whole) });
    expect(settings.declared).toMatchObject({ checks: { 'one-wallet': { timeout: 10_000 } } });
    // The reader of zod compiles patterns without the flag u, which JSON Schema prescribes.
    const text = JSON.stringify(configJsonSchema()).replaceAll(/\\\\p\{\w\}/g, String.raw`\\w`);
    const schema = z.fromJSONSchema(z.record(z.string(), z.any()).parse(JSON.parse(text)));
    expect(schema.safeParse(whole)).toMatchObject({ success: true });
    expect(schema.safeParse({ ...whole, meters: {} })).toMatchObject({ success: false });
    expect(schema.safeParse({ checks: { a: { sqll: 'SELECT 1' } } })).toMatchObject({
      success: false,
    });
  });

  it('have a JSON Schema in the package', () => {
    const { exports } = z
      .looseObject({ exports: z.record(z.string(), z.unknown()) })
      .parse(JSON.parse(readFileSync(resolve(import.meta.dirname, '../../package.json'), 'utf8')));
    const file = z.string().parse(exports['./config.schema.json']);
    const built: unknown = JSON.parse(
      readFileSync(resolve(import.meta.dirname, '../..', file), 'utf8'),
    );
    expect(built).toEqual(configJsonSchema());
  });

  it('are refused with the place of every problem at once', async () => {
    const error: unknown = await load({
      'dbops.config.json': JSON.stringify({
        lokTimeout: '1s',
        usage: {
          subjects: { from: 'workspace', id: 'id', nmae: 'title' },
          meters: { tokens: { from: 'llm_call', subject: 'w', measure: { sum: 'a', max: 'b' } } },
        },
        checks: { wallets: { severity: 'fatal', sql: 'SELECT 1', file: 'a.sql' }, 'a:b': {} },
        reports: { churn: { sql: 'SELECT 1', params: { month: 'day' } } },
      }),
    }).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(DbopsError);
    const { code, reason } = error as DbopsError;
    expect(code).toBe('CONFIG.INVALID');
    const lines = reason.join('\n');
    for (const place of [
      'unknown key: lokTimeout',
      'usage.subjects: unknown key: nmae',
      'usage.meters.tokens.measure: ',
      'checks.wallets.severity: expected one of error, warning, info',
      'checks.a:b: invalid name: expected letters, digits, _, - and .',
      'reports.churn.params.month: expected one of text, integer,',
    ])
      expect(lines).toContain(place);
  });
});

describe.each(newestAndEmbedded)('dbops doctor on $name', (target) => {
  it('prepares everything that is declared, and reports all failures at once', async () => {
    const database = await createDatabase(target);
    await withSession(database.url, (session) =>
      session.script(
        'CREATE TABLE a (id int); CREATE TABLE written (id int); CREATE TABLE person (mail text UNIQUE, born date)',
      ),
    );
    const doctor = async (files: Record<string, string>) => {
      const environment = { DATABASE_URL: database.url };
      const { exitCode, stdout } = await runCli(['doctor', '--json'], {
        cwd: folderOf(files),
        environment,
      });
      const { diagnoses } = z
        .looseObject({
          diagnoses: z.array(
            z.looseObject({ name: z.string(), state: z.string(), detail: z.string() }),
          ),
        })
        .parse(JSON.parse(stdout));
      return { exitCode, diagnoses: new Map(diagnoses.map((each) => [each.name, each])) };
    };
    const report = '-- title: A\n-- param n: integer\nSELECT * FROM a WHERE id = :n';
    const good = await doctor({
      'reports/a.sql': report,
      'verify/b.sql': '-- severity: error\nSELECT id FROM a',
    });
    expect(good.diagnoses.get('declarations')).toMatchObject({
      state: 'ok',
      detail: '2 declarations prepared',
    });
    const bad = await doctor({
      'reports/a.sql': report,
      'reports/c.sql': '-- title: C\nSELECT nope FROM a',
      'verify/b.sql': '-- severity: error\nDELETE FROM written',
      'dbops.config.json': JSON.stringify({ checks: { gone: { sql: 'SELECT * FROM gone' } } }),
    });
    expect(bad.exitCode).toBe(4);
    expect(bad.diagnoses.get('declarations')).toMatchObject({ detail: '1 declaration prepared' });
    expect(bad.diagnoses.get('reports/c.sql')?.detail).toContain('SQLSTATE 42703');
    expect(bad.diagnoses.get('checks.gone')?.detail).toContain('SQLSTATE 42P01');
    expect(bad.diagnoses.get('verify/b.sql')?.detail).toContain('it is not a SELECT');
    const person = { table: 'person', key: ['mail'], rows: [{ mail: 'a@b' }] };
    const written = { table: 'written', key: ['id'], rows: [{ id: 1 }] };
    const born = { $sql: 'now() + nothing' };
    const seeded = await doctor({
      'dbops.config.json': JSON.stringify({
        seeds: {
          people: person,
          absent: { ...person, table: 'gone' },
          keyless: written,
          column: { ...person, rows: [{ mail: 'a@b', name: 'A' }] },
          expression: { ...person, rows: [{ mail: 'a@b', born }] },
          statement: { ...person, rows: [{ mail: 'a@b', born: { $sql: '1); DROP TABLE a' } }] },
          load: { table: 'person', scale: 9, columns: { mail: 'zipf many' } },
        },
      }),
    });
    const detailOf = (name: string) => seeded.diagnoses.get(`seeds.${name}`)?.detail;
    expect(seeded.diagnoses.get('declarations')).toMatchObject({
      detail: '1 declaration prepared',
    });
    expect(detailOf('people')).toBeUndefined();
    expect(detailOf('absent')).toContain('seeds.absent.table does not exist: gone');
    expect(detailOf('keyless')).toContain('seeds.keyless.key has no unique index: id');
    expect(detailOf('column')).toContain('does not have: name');
    expect(detailOf('expression')).toMatch(
      /seeds\.expression\.rows\[0\]\.born .*\n.*now\(\) \+ nothing\n\s*\^[^]*SQLSTATE 42703/,
    );
    expect(detailOf('statement')).toContain('seeds.statement.rows[0].born');
    expect(detailOf('load')).toContain('seeds.load.columns.mail is not a distribution');
    const circle = { ...person, rows: [{ mail: { $ref: ['nobody', 'x'] } }] };
    const unresolved = await doctor({
      'reports/a.sql': report,
      'dbops.config.json': JSON.stringify({ seeds: { circle } }),
    });
    expect(unresolved.diagnoses.get('seeds')?.detail).toContain('seeds.circle.rows[0].mail');
    expect(unresolved.diagnoses.get('declarations')?.detail).toBe('1 declaration prepared');
    await database.drop();
  });
});
