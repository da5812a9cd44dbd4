import { describe, expect, inject } from 'vitest';
import { mkdtempSync } from 'node:fs';
import { join } from 'node:path';
import { ref, sql } from '../../src/declared/definition.ts';
import { openSession, type Session } from '../../src/db/session.ts';
import { DbopsError } from '../../src/errors.ts';
import { parseTarget } from '../../src/db/target.ts';
import { seedsSchema, type Seeds } from '../../src/seed/definition.ts';
import { prepareSets } from '../../src/seed/choose.ts';
import { seedOnce, type SeedOutcome, type SeedRun } from '../../src/seed/transaction.ts';
import { createDatabase, inTurn, targets, type Target } from '../db/targets.ts';
import { writeInto } from '../migrate/project.ts';
import { now } from './database.ts';

/** Names that nobody foresaw: capitals, schemas, quotes, reserved words, types of public, triggers. */
const schema = `
  CREATE SCHEMA "Bill ing";
  CREATE DOMAIN email AS text CHECK (value ~ '@');
  CREATE TYPE mood AS ENUM ('glad', 'sad');
  CREATE TABLE "User" (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, email email NOT NULL UNIQUE, name text,
    plan text NOT NULL DEFAULT 'free', feeling mood, tags text[], extra jsonb, loose json, amount numeric,
    secret text, "select" text, doubled int GENERATED ALWAYS AS (length(plan) * 2) STORED,
    updated_at timestamptz NOT NULL DEFAULT now());
  CREATE TABLE profile (user_id bigint PRIMARY KEY REFERENCES "User", theme text NOT NULL DEFAULT 'light');
  CREATE FUNCTION sign_up() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO profile (user_id) VALUES (NEW.id); RETURN NEW; END $$;
  CREATE TRIGGER sign_up AFTER INSERT ON "User" FOR EACH ROW EXECUTE FUNCTION sign_up();
  CREATE TABLE "Bill ing"."in""voice" (code text COLLATE "C", owner bigint REFERENCES "User",
    total numeric(12, 2), is_open boolean NOT NULL DEFAULT true, value text, n int);
  CREATE UNIQUE INDEX open_code ON "Bill ing"."in""voice" (code) WHERE is_open AND value IS NOT NULL;
  CREATE TABLE plan (id int PRIMARY KEY, code text UNIQUE, price int, note text);
  CREATE TABLE member (user_id bigint REFERENCES "User", plan_id int REFERENCES plan, since date,
    PRIMARY KEY (user_id, plan_id));
  CREATE TABLE log (line text);
  CREATE TABLE event (id bigint GENERATED ALWAYS AS IDENTITY, user_id bigint, kind text, size int, cost numeric,
    at timestamptz, note text);
  CREATE TABLE dedup (id int PRIMARY KEY, v text, at timestamptz DEFAULT clock_timestamp());
`;

const users: Seeds[string] = {
  table: 'User',
  key: ['email'],
  once: ['name'],
  rows: [
    {
      email: 'free@example.com',
      name: 'Free',
      feeling: 'glad',
      tags: ['a', 'b"c'],
      extra: { n: 1 },
    },
    {
      email: 'pro@example.com',
      name: "O'Brien \\ \n",
      plan: 'pro',
      loose: [1, { a: null }],
      amount: 12345678901234567890n,
      secret: sql`md5(random()::text)`,
      select: sql`upper('x')`,
      extra: sql`jsonb_build_object('k', 9007199254740993)`,
    },
  ],
};

const declared: Seeds = {
  invoices: {
    table: '"Bill ing"."in""voice"',
    key: ['code'],
    once: ['n'],
    rows: [
      { code: 'I-1', owner: ref('users', 'pro@example.com'), total: 10.5, value: 'x', n: 1 },
      { code: 'I-2', owner: { $ref: ['users', 'free@example.com'] }, total: '7', value: 'y', n: 2 },
    ],
  },
  profiles: {
    table: 'profile',
    key: ['user_id'],
    rows: [{ user_id: ref('users', 'pro@example.com'), theme: 'dark' }],
  },
  users,
  members: {
    table: 'public.member',
    key: ['user_id', 'plan_id'],
    once: ['since'],
    rows: [{ user_id: ref('users', 'pro@example.com'), plan_id: ref('plans', 'pro'), since: now }],
  },
  plans: {
    table: 'plan',
    key: ['code'],
    environments: ['*'],
    rows: [
      { id: 1, code: 'free', price: 0 },
      { id: 2, code: 'pro', price: { $sql: '10 + 20' } },
    ],
  },
};

const plans = declared['plans'] ?? users;

/** Files that write again when they run again, and what the refusal says. */
const repeating = [
  [`INSERT INTO log VALUES ('a'), ('a'), ('b')`, 'public.log: 3 rows added'],
  [
    `INSERT INTO dedup VALUES (1, random()) ON CONFLICT (id) DO UPDATE SET v = random()`,
    'public.dedup: 1 row changed',
  ],
  [
    `INSERT INTO dedup VALUES (1, clock_timestamp()::text) ON CONFLICT (id) DO UPDATE SET v = excluded.v`,
    'public.dedup: 1 row changed',
  ],
  [`INSERT INTO dedup VALUES (1, 'x')`, 'duplicate key value'],
  [
    `TRUNCATE dedup; INSERT INTO dedup SELECT n, 'x' FROM generate_series(1, 4) n`,
    'public.dedup: 4 rows changed',
  ],
  [
    `DELETE FROM event; INSERT INTO event (kind) VALUES ('x'), ('y')`,
    'public.event: 2 rows changed',
  ],
] as const;

const plain: Extract<Seeds[string], { rows: unknown }> = {
  table: 'plan',
  key: ['code'],
  rows: [{ id: 1, code: 'a', price: 1 }],
};

const unusable: [what: string, code: string, text: string, seeds: Seeds][] = [
  [
    'a key without a unique index',
    'SEED.KEY',
    'CREATE UNIQUE INDEX ON "public"."plan" ("price")',
    { a: { ...plain, key: ['price'] } },
  ],
  [
    'a key without a value',
    'SEED.KEY',
    'rows[0] has no value for code',
    { a: { ...plain, rows: [{ id: 1 }] } },
  ],
  [
    'a key that random() gives',
    'SEED.KEY',
    'code',
    { a: { ...plain, rows: [{ id: 1, code: sql`random()::text` }] } },
  ],
  [
    'a repeated key',
    'SEED.KEY_REPEATED',
    'a.rows[1]',
    {
      a: {
        ...plain,
        rows: [
          { id: 1, code: 'a' },
          { id: 2, code: 'a' },
        ],
      },
    },
  ],
  [
    'a reference to no row',
    'SEED.REF',
    'no row with the key nobody',
    { a: plain, b: { table: 'dedup', key: ['id'], rows: [{ id: ref('a', 'nobody') }] } },
  ],
  [
    'a reference to no set',
    'SEED.REF',
    'no set of rows is named x',
    { a: { ...plain, rows: [{ id: 1, code: ref('x', 'y') }] } },
  ],
  [
    'a circle',
    'SEED.CIRCLE',
    'a → b → a',
    {
      a: { ...plain, rows: [{ id: ref('b', '1'), code: 'a' }] },
      b: { table: 'dedup', key: ['id'], rows: [{ id: 1, v: ref('a', 'a') }] },
    },
  ],
  [
    'an unknown column',
    'SEED.COLUMN',
    'does not have: cost',
    { a: { ...plain, rows: [{ id: 1, code: 'a', cost: 1 }] } },
  ],
  [
    'an unknown column in once',
    'SEED.COLUMN',
    'does not have: cost',
    { a: { ...plain, once: ['cost'] } },
  ],
  [
    'a generated column',
    'SEED.COLUMN',
    'doubled, which the server generates',
    { a: { table: 'User', key: ['email'], rows: [{ email: 'a@b', doubled: 1 }] } },
  ],
  [
    'an identity that is always generated',
    'SEED.COLUMN',
    'overriding: true',
    { a: { table: 'User', key: ['email'], rows: [{ email: 'a@b', id: 1 }] } },
  ],
  [
    'a table that does not exist',
    'SEED.NOT_MIGRATED',
    'capitals count',
    { a: { ...plain, table: 'Plan' } },
  ],
  [
    'a value of another type',
    'SEED.FAILED',
    'invalid input syntax',
    { a: { ...plain, rows: [{ id: 'x', code: 'a' }] } },
  ],
  [
    'SQL that does not run',
    'DECLARED.INVALID',
    'seeds.a.rows[0].price',
    { a: { ...plain, rows: [{ id: 1, code: 'a', price: sql`nothing()` }] } },
  ],
  [
    'a statement in SQL',
    '',
    'it is not one expression',
    { a: { ...plain, rows: [{ id: 1, code: 'a', price: sql`1); DROP TABLE plan; SELECT (1` }] } },
  ],
  [
    'a row outside a partial index',
    'SEED.NOT_IDEMPOTENT',
    'not found by its key',
    { a: { table: '"Bill ing"."in""voice"', key: ['code'], rows: [{ code: 'a' }] } },
  ],
];

function textOf(error: unknown): string {
  if (!(error instanceof DbopsError)) return String(error);
  return [error.message, ...error.reason, error.hint].join('\n');
}

interface Trial {
  session: Session;
  seed(seeds: Seeds, options?: Partial<SeedRun>): Promise<SeedOutcome>;
  /** Writes files beside the configuration. */
  write(files: Record<string, string>): void;
}

async function withSchema(target: Target, test: (trial: Trial) => Promise<void>): Promise<void> {
  const database = await createDatabase(target);
  const session = await openSession(parseTarget(database.url), { application: 'dbops test' });
  const root = mkdtempSync(join(inject('scratch'), 'seeds-'));
  try {
    await session.script(`SET LOCAL search_path TO public; ${schema}`);
    await test({
      session,
      write: (files) => writeInto(root, files),
      async seed(seeds, options = {}) {
        const { signal } = new AbortController();
        const sets = await prepareSets(seedsSchema.parse(seeds), { root, now });
        return seedOnce(session, sets, {
          now,
          reset: false,
          write: true,
          allowRepeat: false,
          isGuarded: false,
          lockTimeout: 2_000,
          statementTimeout: 0,
          signal,
          ...options,
        });
      },
    });
  } finally {
    await session.close();
    await database.drop();
  }
}

const nothing = { created: {}, updated: {} };

describe.each(targets)('declared seeds on $name', (target) => {
  const it = inTurn(target);

  it('inserts rows in the order of their references, once, and keeps managed columns equal', () =>
    withSchema(target, async ({ session, seed }) => {
      const planned = await seed(declared, { write: false });
      const first = await seed(declared);
      expect(planned.counts.created).toMatchObject({ User: 2, plan: 2, 'public.member': 1 });
      expect(first.counts.created).toEqual({
        User: 2,
        plan: 2,
        'public.member': 1,
        '"Bill ing"."in""voice"': 2,
      });
      // The trigger of the insert into "User" created the row: it is found, and its theme is set.
      expect(first.counts.updated).toEqual({ profile: 1 });
      const [pro] = await session.query(
        `SELECT u.name, u.plan, u.amount::text, u.loose::text, u.extra::text, u."select", length(u.secret) AS secret,
            p.theme, i.total::text, m.plan_id
           FROM public."User" u JOIN public.profile p ON p.user_id = u.id JOIN "Bill ing"."in""voice" i ON i.owner = u.id
           JOIN public.member m ON m.user_id = u.id WHERE u.plan = 'pro'`,
      );
      expect(pro).toEqual({
        name: "O'Brien \\ \n",
        plan: 'pro',
        amount: '12345678901234567890',
        loose: '[1, {"a": null}]',
        extra: '{"k": 9007199254740993}',
        select: 'X',
        secret: 32,
        theme: 'dark',
        total: '10.50',
        plan_id: 2,
      });
      expect((await seed(declared)).counts).toMatchObject(nothing);
      expect((await seed(declared, { reset: true })).counts).toMatchObject(nothing);
      await session.script(`UPDATE public."User" SET name = 'Renamed', plan = 'other', secret = 'mine';
        UPDATE "Bill ing"."in""voice" SET total = 1, n = 9; DELETE FROM public.member; UPDATE public.plan SET price = 5 WHERE id = 2`);
      const again = (await seed(declared)).counts;
      expect(again.created).toEqual({ 'public.member': 1 });
      // The free row declares no plan.
      expect(again.updated).toEqual({ User: 1, plan: 1, '"Bill ing"."in""voice"': 2 });
      expect(
        await session.query(`SELECT name, plan, secret FROM public."User" ORDER BY email`),
      ).toEqual([
        { name: 'Renamed', plan: 'other', secret: 'mine' },
        { name: 'Renamed', plan: 'pro', secret: 'mine' },
      ]);
      expect((await seed(declared, { reset: true })).counts.updated).toEqual({
        User: 2,
        '"Bill ing"."in""voice"': 2,
      });
    }));

  it('runs files and modules once, proves that a second run changes nothing, and rolls back a plan', () =>
    withSchema(target, async ({ session, seed, write }) => {
      write({
        'seed.sql': `-- no begin here
          INSERT INTO plan (id, code, price) VALUES (7, 'x', 1), (8, 'y', 2) ON CONFLICT (id) DO UPDATE SET price = excluded.price;
          INSERT INTO log SELECT 'begin; ' WHERE NOT EXISTS (SELECT FROM log);
          SET search_path TO "Bill ing"; SELECT CASE WHEN true THEN 1 END`,
        'seed.ts': `export async function seed(db: any) {
          await db.insertInto('dedup').values({ id: 1, v: 'm' }).onConflict((c: any) => c.doNothing()).execute();
        }`,
      });
      const code: Seeds = {
        ...declared,
        file: { file: 'seed.sql' },
        module: { module: './seed.ts' },
      };
      const planned = await seed(code, { write: false });
      expect(planned.sets).toContainEqual({ name: 'file', state: 'pending' });
      expect(await session.query('SELECT FROM public.plan')).toEqual([]);
      const { counts, sets } = await seed(code);
      expect(counts.created).toMatchObject({
        'public.plan': 2,
        'public.log': 1,
        'public.dedup': 1,
      });
      expect(sets).toContainEqual({ name: 'module', state: 'changed' });
      const again = await seed(code);
      expect(again.counts).toMatchObject(nothing);
      expect(again.sets.map(({ state }) => state)).toEqual(Array(7).fill('unchanged'));
      await session.script(
        `UPDATE public.plan SET price = 99 WHERE id = 8; DELETE FROM public.plan WHERE id = 7`,
      );
      const changed = await seed(code);
      expect(changed.counts).toMatchObject({
        created: { 'public.plan': 1 },
        updated: { 'public.plan': 1 },
      });
    }));

  it('refuses a file that is not idempotent, by table and count, unless that is allowed', () =>
    withSchema(target, async ({ session, seed, write }) => {
      for (const [text, reason] of repeating) {
        write({ 'seed.sql': text });
        const seeds: Seeds = { plans, file: { file: './seed.sql' } };
        const refused = await seed(seeds).catch((error: unknown) => error);
        expect.soft(refused, text).toMatchObject({ code: 'SEED.NOT_IDEMPOTENT', exitCode: 2 });
        expect.soft(textOf(refused)).toContain(reason);
        expect.soft(await session.query('SELECT FROM public.plan')).toEqual([]);
        const allowed = await seed(seeds, { allowRepeat: true });
        expect.soft(allowed.sets.map(({ state }) => state)).toEqual(['changed', 'changed']);
        await session.script(
          'TRUNCATE public.plan, public.log, public.dedup, public.event CASCADE',
        );
      }
    }));

  it('refuses what cannot be seeded, and changes nothing', () =>
    withSchema(target, async ({ session, seed }) => {
      for (const [what, code, text, seeds] of unusable) {
        const refused = await seed(seeds).catch((error: unknown) => error);
        const exitCode = code === 'SEED.FAILED' ? 1 : 2;
        expect.soft(refused, what).toMatchObject({ ...(code && { code }), exitCode });
        expect.soft(textOf(refused), what).toContain(text);
        expect.soft(session.client.getTransactionStatus()).toBe('I');
      }
      expect(await session.query('SELECT FROM public.plan')).toEqual([]);
    }));

  it('refuses a file that ends the transaction, before anything runs', () =>
    withSchema(target, async ({ session, seed, write }) => {
      for (const text of [
        'COMMIT',
        'BEGIN; SELECT 1; END',
        'SAVEPOINT a',
        'COPY plan FROM STDIN',
      ]) {
        write({ 'seed.sql': `INSERT INTO log VALUES ('x');\n${text}` });
        await expect(seed({ a: { file: 'seed.sql' } })).rejects.toMatchObject({
          code: 'SEED.FILE',
          exitCode: 2,
        });
      }
      write({ 'seed.sql': '\\echo hello\nSELECT 1 END' });
      await expect(seed({ a: { file: 'seed.sql' } })).rejects.toMatchObject({ code: 'SEED.FILE' });
      write({
        'seed.mjs': `export const other = 1`,
        'enum.ts': 'enum Plan { free }\nexport const seed = () => {};',
        'broken.mjs': 'export const seed = ;',
        'ends.mjs': `export default { seed: (db) => db.transaction().execute(() => {}) }`,
      });
      await expect(seed({ a: { module: 'seed.mjs' } })).rejects.toMatchObject({
        code: 'SEED.MODULE',
      });
      await expect(seed({ a: { module: 'enum.ts' } })).rejects.toMatchObject({
        code: 'SEED.MODULE',
        hint: expect.stringContaining("NODE_OPTIONS='--import tsx' dbops seed"),
      });
      await expect(seed({ a: { module: 'broken.mjs' } })).rejects.toMatchObject({
        code: 'SEED.MODULE',
        hint: expect.stringMatching(/^Fix .*broken\.mjs, then run: dbops seed$/),
      });
      await expect(seed({ a: { module: 'ends.mjs' } })).rejects.toMatchObject({
        code: 'SEED.FAILED',
        hint: expect.stringMatching(/^Correct .*ends\.mjs, then run: dbops seed$/),
      });
      expect(await session.query('SELECT FROM public.log')).toEqual([]);
    }));
});
