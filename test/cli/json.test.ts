import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { commands } from '../../src/commands/index.ts';
import { credits } from '../../src/reference/credits.ts';
import { servers, targets, withDatabase, type Target } from '../db/targets.ts';
import { withSession } from '../db/session.ts';

import { migrated, reference as migrations } from '../catalog/trial.ts';
import { folderOf, runCli, type Surroundings } from './run-cli.ts';

// A shadow opens in a second, and on a busy machine in ten.
vi.setConfig({ testTimeout: 120_000 });

/** Runs a command line with `--json` and reads the one document on its stdout. */
async function json(argv: string[], surroundings?: Surroundings) {
  const { exitCode, stdout, stderr } = await runCli([...argv, '--json'], surroundings);
  return { exitCode, stdout, stderr, document: JSON.parse(stdout) };
}

const someText = expect.stringMatching(/./);
const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const number = expect.any(Number);
const list = expect.any(Array);
const object = expect.any(Object);
const period = { from: time, to: time };

// On a database with every migration applied; the keys of CONTRACT.md.
const answers: [line: string, keys: object][] = [
  ['doctor', {}],
  ['env show', {}],
  ['env set staging', {}],
  [
    'migrate status',
    {
      format: 'dbops',
      migrations: expect.arrayContaining([
        {
          name: '0001_identity',
          state: 'applied',
          hash: someText,
          recordedHash: someText,
          appliedAt: time,
        },
      ]),
      counts: expect.objectContaining({ applied: 10, pending: 0, 'out-of-order': 0 }),
    },
  ],
  ['migrate up', { migrations: [] }],
  [
    'migrate down',
    {
      migrations: [
        {
          name: '0010_platform',
          direction: 'down',
          state: 'done',
          durationMs: number,
          rollback: { source: 'file', proven: expect.any(Boolean), loses: list },
        },
      ],
    },
  ],
  [
    'backfill run organization-id --dry-run',
    {
      name: 'organization-id',
      state: someText,
      rowsTotal: number,
      rowsDone: number,
      rowsChanged: number,
      orphans: number,
      mismatched: number,
      batches: number,
      rowsPerSecond: number,
      etaSeconds: number,
    },
  ],
  ['backfill list', { backfills: list }],
  ['backfill status', { backfills: list }],
  ['seed --dry-run', { created: object, unchanged: object, updated: object, sets: list }],
  ['verify', { findings: list, counts: { error: 0, warning: 0, info: number } }],
  ['report usage', { title: someText, period, columns: list, rows: list, totals: object }],
  ['report credits', { title: someText, period, columns: list, rows: list, totals: object }],
];

const [server] = servers;

describe.runIf(server)('--json prints one document', () => {
  it.each(answers)('of %s', async (line, keys) => {
    await migrated(server as Target, migrations, async ({ url }) => {
      const surroundings = { environment: { DATABASE_URL: url } };
      const argv = [...line.split(' '), '--migrations', migrations];
      const { exitCode, stderr, document } = await json(argv, surroundings);
      expect(exitCode).toBe(0);
      expect(document).toMatchObject({
        command: line.split(' ').slice(0, commandLength(line)).join(' '),
        ok: true,
        target: {
          kind: 'postgres',
          host: '127.0.0.1',
          database: new URL(url).pathname.slice(1),
          version: expect.stringMatching(/^\d+\.\d+$/),
        },
        ...keys,
      });
      expect(document).not.toHaveProperty('error');
      expect(stderr).toMatch(/^target {2}\S+ {2}\(PostgreSQL [\d.]+\)\n/);
    });
  });

  it('of commands that need no database, without a target', async () => {
    for (const [line, keys] of [
      ['init', { file: 'dbops.config.ts' }],
      ['migrate new add_invoices', { files: list }],
    ] as const) {
      const { exitCode, stderr, document } = await json(line.split(' '));
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(document).toMatchObject({ ok: true, ...keys });
      expect(document).not.toHaveProperty('target');
    }
  });

  it('keeps all digits of large integers', async () => {
    await migrated(server as Target, migrations, async ({ url }) => {
      const environment = { DATABASE_URL: url };
      await withSession(url, (session) =>
        session.script(`INSERT INTO users (id, email, name) VALUES ('ann', 'ann@example.com', 'Ann');
          INSERT INTO organizations (name, owner_id, slug) VALUES ('Big', 'ann', 'big');
          INSERT INTO usage_events (organization_id, event_type, quantity, occurred_at)
            SELECT id, 'api_call', 9007199254740993, '2026-11-01Z' FROM organizations`),
      );
      const line = `report usage --subject big --meter max_api_calls_per_month --period 2026-11 --migrations ${migrations}`;
      const { stdout } = await json(line.split(' '), { environment });
      expect(stdout).toContain('"used": 9007199254740993,');
    });
  });
});

/** A configuration with declarations, without which seed and the reports do not connect. */
const declaring = join(
  folderOf({
    'dbops.config.json': JSON.stringify({
      credits,
      seeds: { none: { table: 'none', key: ['id'], rows: [] } },
    }),
  }),
  'dbops.config.json',
);

const required: Record<string, string> = {
  'env set': 'staging',
  'backfill run': 'organization-id',
  'backfill pause': 'organization-id',
  'backfill resume': 'organization-id',
  'migrate expand-contract': '0001_a',
  'migrate squash': '--to 0001_a',
  'rescue restore': '0001_a',
  'rescue drop': '--all',
  seed: `--config ${declaring}`,
  'report credits': `--config ${declaring}`,
  'report ledger': `--config ${declaring}`,
  'report reconcile': `--config ${declaring}`,
  'report sql': 'a.sql',
  report: 'a',
};

describe('--json prints an error', () => {
  const unreachable = 'postgres://shop@127.0.0.1:1/shop';

  it.each(
    commands.filter(
      ({ words }) =>
        !/^(demo|init|check|migrate new|report list|report usage|completion|mcp)$/.test(words),
    ),
  )('of $words without a database on stdout alone', async ({ words }) => {
    const cwd = folderOf({
      'migrations/0001_a.up.sql': 'SELECT 1;',
      'reports/a.sql': '-- title: A\nSELECT 1',
      'a.sql': 'SELECT 1',
    });
    const line = `${words} ${required[words] ?? ''}`.trim().split(' ');
    const { exitCode, stderr, document } = await json([...line, '--database-url', unreachable], {
      cwd,
    });
    expect({ exitCode, stderr }).toEqual({ exitCode: 3, stderr: '' });
    expect(document).toEqual({
      command: words,
      ok: false,
      target: { kind: 'postgres', host: '127.0.0.1', database: 'shop', version: null },
      error: { code: 'DATABASE.UNREACHABLE', message: someText, hint: someText },
    });
    const none = await json(line, { cwd });
    expect(none.exitCode).toBe(2);
    expect(none.document).toEqual({
      command: words,
      ok: false,
      error: {
        code: 'TARGET.MISSING',
        message: someText,
        hint: expect.stringContaining('DATABASE_URL'),
      },
    });
  });

  it.each([
    ['an unknown option', 'migrate up --chek', 'unknown option'],
    ['an unknown command', 'migrat', 'unknown command'],
    ['a missing argument', 'migrate new', 'missing required argument'],
    ['a missing verb', 'migrate', 'incomplete'],
    ['nothing else', '', 'incomplete'],
    ['a wrong value', 'migrate up --steps none', 'Invalid options.'],
    ['a wrong setting', 'migrate up --lock-timeout soon', 'Invalid options.'],
  ])('of %s', async (_, line, message) => {
    const { exitCode, stderr, document } = await json(line.split(' ').filter(Boolean), {
      environment: { DATABASE_URL: unreachable },
    });
    expect({ exitCode, stderr }).toMatchObject({ exitCode: 2, stderr: '' });
    expect(document).toMatchObject({
      ok: false,
      error: { code: someText, message: expect.stringContaining(message), hint: someText },
    });
  });
});

describe.each(targets)('--json on $name', (target) => {
  it('reports the kind of the target and what was run', async () => {
    await withDatabase(target, async (url) => {
      const cwd = folderOf({ 'migrations/0001_a.up.sql': 'CREATE TABLE a (id int);' });
      const { document } = await json(['migrate', 'up', '--database-url', url], { cwd });
      expect(document).toMatchObject({
        command: 'migrate up',
        ok: true,
        target:
          target.kind === 'server'
            ? { kind: 'postgres', host: '127.0.0.1', version: someText }
            : { kind: 'pglite', host: null, database: 'postgres', version: someText },
        migrations: [{ name: '0001_a', direction: 'up', state: 'done', durationMs: number }],
      });
    });
  });
});

/** How many words of the line name the command. */
function commandLength(line: string): number {
  const found = commands.find(({ words }) => `${line} `.startsWith(`${words} `));
  return found?.words.split(' ').length ?? 0;
}
