import { describe, expect, vi } from 'vitest';
import { inTurn, servers, type Target } from '../db/targets.ts';
import {
  bundledFolder,
  byState,
  organizationId,
  tracked,
  withProject,
  writeInto,
  type Project,
} from '../migrate/project.ts';
import { withSession } from '../db/session.ts';

import { catalogOf } from '../reference/catalog.ts';

// PGlite opens in half a second, and on a busy machine in several.
vi.setConfig({ testTimeout: 120_000 });

const id = (kind: number, n: number) =>
  `00000000-0000-4000-${kind}000-${String(n).padStart(12, '0')}`;
const personal = id(9, 99);

/** Rows of the time before multi-tenancy: 40 purchases and 20 accesses to 10 contents of two organizations. */
const oldRows = `
  INSERT INTO users (id, email) VALUES ('ada', 'ada@example.com'), ('ben', 'ben@example.com');
  INSERT INTO organizations (id, name, owner_id) VALUES ('${id(8, 1)}', 'One', 'ada'), ('${id(8, 2)}', 'Two', 'ben');
  INSERT INTO content (id, organization_id, creator_id, title)
    SELECT replace('${id(9, 0)}', '000000000000', lpad(n::text, 12, '0'))::uuid,
           (ARRAY['${id(8, 1)}', '${id(8, 2)}'])[1 + n % 2]::uuid, 'ada', 'Lesson ' || n
      FROM generate_series(1, 10) n;
  INSERT INTO content (id, creator_id, title) VALUES ('${personal}', 'ada', 'Nobody''s');
  INSERT INTO purchases (customer_id, content_id, status, amount_paid_cents)
    SELECT 'ben', c.id, 'completed', 1500 FROM content c, generate_series(1, 4) WHERE c.organization_id IS NOT NULL;
  INSERT INTO content_access (user_id, content_id, access_type)
    SELECT u.id, c.id, 'purchased' FROM users u, content c WHERE c.organization_id IS NOT NULL;`;

const orphans = `
  INSERT INTO purchases (id, customer_id, content_id, status, amount_paid_cents)
    SELECT replace('${id(7, 0)}', '000000000000', lpad(n::text, 12, '0'))::uuid, 'ben', '${personal}', 'completed', 100
      FROM generate_series(1, 3) n`;

/** Purchases of one content that say another organization than the content does. */
const mismatch = `
  UPDATE purchases SET organization_id = '${id(8, 2)}'
   WHERE content_id = (SELECT id FROM content WHERE organization_id = '${id(8, 1)}' ORDER BY id LIMIT 1)`;

/** The reference schema with old rows, and as far as `0007`. */
function withOldRows(
  target: Target,
  test: (project: Project) => Promise<void>,
  more: { before?: string; after?: string } = {},
): Promise<void> {
  return withProject(target, {}, async (project) => {
    writeInto(project.root, bundledFolder);
    expect(await project.json('migrate', 'up', '--to', '3')).toMatchObject({ exitCode: 0 });
    await withSession(project.url, (session) => session.script(`${oldRows}${more.before ?? ''}`));
    expect(await project.json('migrate', 'up', '--to', '7')).toMatchObject({ exitCode: 0 });
    if (more.after) await project.query(more.after);
    await test(project);
  });
}

describe.each(servers)('the backfill organization-id on $name', (target) => {
  const it = inTurn(target, servers);
  it('runs in migrate up before the migration that requires it', () =>
    withOldRows(target, async (project) => {
      const answer = await project.dbops('migrate', 'up');
      expect(answer).toMatchObject({ exitCode: 0 });
      expect(answer.stderr).toContain(
        'backfill organization-id: 60 of 60 rows filled before 0008_tenancy_contract',
      );
      expect(await wrong(project)).toEqual({ purchases: 0, access: 0 });
      const [row] = await project.query(
        `SELECT count(*)::int AS legacy FROM purchases WHERE stripe_payment_intent_id = 'legacy_' || id`,
      );
      expect(row).toEqual({ legacy: 40 });
    }));

  it('does not run with --no-backfill, and the migration does not start', () =>
    withOldRows(target, async (project) => {
      const before = await catalogOf(project);
      const up = await project.json('migrate', 'up', '--no-backfill');
      expect(up).toMatchObject({ exitCode: 1, error: { code: 'BACKFILL.INCOMPLETE' } });
      expect(up.error?.message).toContain('60 rows are not filled');
      expect(up.error?.hint).toContain('dbops backfill run organization-id');
      expect(byState(up)['not-run']).toContain('0009_credit_ledger');
      expect(await catalogOf(project)).toEqual(before);
      expect((await tracked(project)).at(-1)).toBe('0007_tenancy_expand');
      expect(await wrong(project)).toEqual({ purchases: 40, access: 20 });
    }));

  it('names orphans, and does not run the migration', () =>
    withOldRows(
      target,
      async (project) => {
        const before = await catalogOf(project);
        const up = await project.json('migrate', 'up');
        expect(up).toMatchObject({ exitCode: 1, error: { code: 'BACKFILL.INCOMPLETE' } });
        for (const n of [1, 2, 3])
          expect(up.error?.message).toContain(
            `purchases id ${id(7, n)}, content_id ${personal}: no value in its source`,
          );
        const after = (await catalogOf(project)).filter(
          (line) => !/zz_dbops_|function dbops\./.test(line),
        );
        expect(after).toEqual(before);
        expect(await wrong(project)).toEqual({ purchases: 3, access: 0 });

        await project.query(`UPDATE content SET organization_id = '${id(8, 1)}' WHERE id = $1`, [
          personal,
        ]);
        expect(await project.json('migrate', 'up')).toMatchObject({ exitCode: 0 });
        expect(await wrong(project)).toEqual({ purchases: 0, access: 0 });
      },
      { before: orphans },
    ));

  it('counts every row, and never changes one that has a value', () =>
    withOldRows(
      target,
      async (project) => {
        const dry = await project.json('backfill', 'run', 'organization-id', '--dry-run');
        expect(dry).toMatchObject({ exitCode: 0, rowsChanged: 0, orphans: 3, mismatched: 4 });
        expect(await wrong(project)).toEqual({ purchases: 43, access: 20 });

        const first = await project.json('backfill', 'run', 'organization-id');
        const account = { rowsTotal: 63, rowsDone: 56, orphans: 3, mismatched: 4 };
        expect(first).toMatchObject({
          exitCode: 4,
          state: 'incomplete',
          rowsChanged: 56,
          ...account,
        });
        expect(await wrong(project)).toEqual({ purchases: 7, access: 0 });

        const second = await project.json('backfill', 'run', 'organization-id');
        expect(second).toMatchObject({ exitCode: 4, rowsChanged: 0, ...account });
        const text = (await project.dbops('backfill', 'run', 'organization-id')).stdout;
        expect(text).toContain(
          '63 rows = 56 already filled + 0 changed + 3 orphans + 4 mismatched',
        );
        expect(await wrong(project)).toEqual({ purchases: 7, access: 0 });
      },
      { before: orphans, after: mismatch },
    ));

  it('reports a missing column, and an unknown backfill', () =>
    withProject(target, { '0001_a.up.sql': 'SELECT 1' }, async (project) => {
      writeInto(project.root, organizationId);
      expect(await project.json('backfill', 'run', 'organization-id')).toMatchObject({
        exitCode: 2,
        error: { code: 'BACKFILL.NO_COLUMN' },
      });
      expect(await project.json('backfill', 'run', 'nonsense')).toMatchObject({
        exitCode: 2,
        error: { code: 'BACKFILL.UNKNOWN' },
      });
    }));
});

/** Rows that do not say the organization of their content. */
async function wrong({ query }: Project): Promise<unknown> {
  const count = (table: string) =>
    `(SELECT count(*)::int FROM ${table} t JOIN content c ON c.id = t.content_id
       WHERE t.organization_id IS DISTINCT FROM c.organization_id OR t.organization_id IS NULL)`;
  const [row] = await query(
    `SELECT ${count('purchases')} AS purchases, ${count('content_access')} AS access`,
  );
  return row;
}
