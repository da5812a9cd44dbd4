import type * as z from 'zod';
import type { Session } from '../../src/db/session.ts';
import type { usageSchema } from '../../src/reports/usage/definition.ts';

type Declared = z.input<typeof usageSchema>;

export const ids = {
  zebra: '00000000-0000-4000-a000-000000000001',
  adler: '00000000-0000-4000-a000-000000000002',
  hostile: '00000000-0000-4000-a000-000000000003',
  gone: '00000000-0000-4000-a000-000000000004',
  idle: '00000000-0000-4000-a000-000000000005',
};

/** Two schemas with names that nobody foresaw: uuid workspaces, tiers as text, keys without a user, no zones. */
const workspaces = `
  CREATE SCHEMA core;
  CREATE SCHEMA metering;
  CREATE TABLE core.workspace (id uuid PRIMARY KEY, title varchar(80), slug text, tier text,
    deleted_at timestamptz, renewed timestamptz, renews date);
  CREATE TABLE core.tier_quota (tier text, quota text, amount numeric);
  CREATE TABLE core.api_key (id int PRIMARY KEY, user_id int);
  CREATE TABLE core.member (workspace_id uuid, email text);
  CREATE TABLE metering.llm_call (workspace_id uuid, key_id int, tokens bigint, ok boolean, created_at timestamp);
  CREATE TABLE metering.disk_sample (workspace_id text, bytes bigint, sampled_at timestamptz);
  INSERT INTO core.workspace VALUES
    ('${ids.zebra}', 'Zebra', 'zebra', 'pro', NULL, '2026-11-15Z', '2026-12-15'),
    ('${ids.adler}', 'Ädler', 'adler', 'free', NULL, NULL, NULL),
    ('${ids.hostile}', E'=1+1\\u001b[31m"<b>', 'hostile', NULL, NULL, NULL, NULL),
    ('${ids.gone}', 'Gone', 'gone', 'free', '2026-11-02Z', NULL, NULL),
    ('${ids.idle}', 'Idle', 'idle', 'team', NULL, NULL, NULL);
  INSERT INTO core.tier_quota VALUES ('pro', 'tokens', 9223372036854775808), ('free', 'tokens', 1000),
    ('pro', 'seats', -1), ('free', 'seats', 2), ('pro', 'storage', 2.5), ('free', 'storage', 0), ('pro', 'users', NULL);
  INSERT INTO core.api_key VALUES (1, 7), (2, 7), (3, NULL), (4, 8);
  INSERT INTO core.member VALUES ('${ids.zebra}', 'a'), ('${ids.zebra}', 'b'), ('${ids.zebra}', 'c'),
    ('${ids.adler}', 'a'), ('${ids.adler}', 'b');
  INSERT INTO metering.llm_call VALUES
    ('${ids.zebra}', 1, 5, true, '2026-10-31 23:59:59.999999'),
    ('${ids.zebra}', 1, 9223372036854775807, true, '2026-11-01'),
    ('${ids.zebra}', 2, 9223372036854775807, true, '2026-11-30 23:59:59.999999'),
    ('${ids.zebra}', 3, NULL, true, '2026-11-20'),
    ('${ids.zebra}', 1, 5, true, '2026-12-01'),
    ('${ids.adler}', 4, 800, true, '2026-11-03'),
    ('${ids.adler}', 4, 700, false, '2026-11-03'),
    ('${ids.gone}', 4, 700, true, '2026-11-03'),
    (NULL, 4, 1, true, '2026-11-03'), (NULL, 4, 1, true, '2026-11-04'),
    ('${ids.adler}', 4, 29, true, '2028-02-29 23:59:59.999'), ('${ids.adler}', 4, 1, true, '2028-03-01');
  INSERT INTO metering.disk_sample VALUES
    ('${ids.zebra}', 1000000000, '2026-11-10Z'), ('${ids.zebra}', 2400000000, '2026-11-20Z'),
    ('${ids.zebra}', 2300000000, '2026-11-20Z'), ('${ids.zebra}', 9000000000, '2026-12-01Z'),
    ('${ids.adler}', 500000000, '2025-11-01Z'), ('${ids.adler}', NULL, '2026-11-21Z'),
    (NULL, 1, '2026-11-21Z');`;

/** Names of Prisma, an enum as the plan, and numbers with fractions. */
const prisma = `
  CREATE TYPE public."Tier" AS ENUM ('FREE', 'PRO');
  CREATE TABLE public."Workspace" ("id" text PRIMARY KEY, "displayName" text, "planTier" "Tier");
  CREATE TABLE public."Event" ("workspaceId" text, "units" numeric(20, 4), "ratio" float8, "createdAt" timestamp(3));
  INSERT INTO public."Workspace" VALUES ('cl1', 'One', 'FREE'), ('cl2', 'Two', 'PRO');
  INSERT INTO public."Event" VALUES ('cl1', 0.1, 0.1, '2026-11-02'), ('cl1', 0.2, 0.2, '2026-11-02'),
    ('cl1', 'NaN', 'NaN', '2026-11-02'), ('cl2', 0.3001, 'Infinity', '2026-11-02');`;

export async function insertOwnSchemas(session: Session): Promise<void> {
  await session.script(workspaces + prisma);
}

export const workspaceUsage: Declared = {
  subjects: {
    from: 'core.workspace',
    id: 'id',
    name: 'title',
    slug: 'slug',
    plan: 'tier',
    where: 'deleted_at IS NULL',
    billing: { from: 'renewed', to: 'renews' },
  },
  limits: { from: 'core.tier_quota', plan: 'tier', meter: 'quota', value: 'amount' },
  meters: {
    tokens: {
      from: 'metering.llm_call',
      subject: 'workspace_id',
      at: 'created_at',
      where: 'ok -- failed calls cost nothing',
      measure: { sum: 'tokens' },
    },
    largest: {
      from: 'metering.llm_call',
      subject: 'workspace_id',
      at: 'created_at',
      where: 'ok -- failed calls cost nothing',
      measure: { max: 'tokens' },
      limit: 'tokens',
    },
    users: {
      from: 'metering.llm_call c JOIN core.api_key k ON k.id = c.key_id',
      subject: 'c.workspace_id',
      at: 'c.created_at',
      measure: { unique: 'k.user_id' },
    },
    storage: {
      label: 'disk',
      from: 'metering.disk_sample',
      subject: 'workspace_id',
      at: 'sampled_at',
      measure: { latest: 'bytes / 1e9' },
      unit: 'GB',
    },
    seats: { from: 'core.member', subject: 'workspace_id', measure: 'count' },
    billed: {
      from: 'metering.llm_call',
      subject: 'workspace_id',
      at: 'created_at',
      measure: 'count',
      period: 'billing',
    },
    'billed-users': {
      from: 'metering.llm_call',
      subject: 'workspace_id',
      at: 'created_at',
      measure: { unique: 'key_id' },
      period: 'billing',
    },
    today: {
      from: 'metering.llm_call',
      subject: 'workspace_id',
      at: 'created_at',
      measure: 'count',
      period: 'day',
    },
    ever: {
      from: 'metering.llm_call',
      subject: 'workspace_id',
      at: 'created_at',
      measure: 'count',
      period: 'all',
    },
  },
};

export const prismaUsage: Declared = {
  subjects: {
    from: '"Workspace"',
    id: '"Workspace"."id"',
    name: '"displayName"',
    plan: '"planTier"',
  },
  limits: { FREE: { units: 0.3 }, PRO: { units: 0.3, ratio: 'unlimited' } },
  meters: {
    units: {
      from: '"Event"',
      subject: '"workspaceId"',
      at: '"Event"."createdAt"',
      measure: { sum: '"units"' },
    },
    ratio: {
      from: '"Event"',
      subject: '"workspaceId"',
      at: '"createdAt"',
      measure: { sum: 'ratio' },
    },
  },
};
