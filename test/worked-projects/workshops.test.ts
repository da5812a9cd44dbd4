import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { describe, expect } from 'vitest';
import { inTurn, servers } from '../db/targets.ts';
import { byState, type Project } from '../migrate/project.ts';
import {
  everythingIn,
  expectWhole,
  withWorkedProject,
  type WorkedProject,
} from './worked-project.ts';

const kept = ['0000_early_canvas', '0001_bold_agenda', '0002_shy_transcript'];
const lost = [
  '0003_warm_palette',
  '0004_plain_ledge',
  '0005_swift_blueprint',
  '0006_open_session',
  '0007_quick_lobby',
];
const sphinx = '0008_shocking_sphinx';

describe.each(servers)('the workshops project on $name', (server) => {
  const it = inTurn(server, servers);
  /** The schema is that of 0007, the tracking table that of 0002. */
  const withLostRows = (test: (project: WorkedProject) => Promise<void>) =>
    withWorkedProject(server, 'workshops', async (project) => {
      await project.dbops('migrate', 'up', '--to', '0007_quick_lobby');
      await project.psql('before.sql');
      await project.psql('tracking-lost.sql');
      await test(project);
    });

  it('goes up whole on an empty database', () =>
    withWorkedProject(server, 'workshops', (project) => expectWhole(project, 'drizzle', 9)));

  it('shows the files without a row as pending, and never as applied', () =>
    withLostRows(async (project) => {
      const status = await project.json('migrate', 'status', '--check');
      expect(status.exitCode).toBe(5);
      expect(byState(status)).toEqual({ applied: kept, pending: [...lost, sphinx] });
    }));

  it('changes nothing when it finds that the schema is ahead, and says what to do', () =>
    withLostRows(async (project) => {
      const before = await everythingIn(project);
      const dry = await project.dbops('migrate', 'up', '--dry-run');
      expect(dry.stdout).toMatch(/0003_warm_palette[^]*ADD COLUMN "color"[^]*0008_shocking_sphinx/);
      const { exitCode, stdout, stderr } = await project.dbops('migrate', 'up');
      expect(exitCode).toBe(6);
      expect(stdout).toMatch(/✗ 0003_warm_palette[^]*– 0008_shocking_sphinx {2}not run/);
      for (const line of [
        'error 0003_warm_palette failed. It was rolled back',
        'column "color" of relation "workshops" already exists',
        'drizzle.__drizzle_migrations has no row for it',
        'Compared with a replay of the folder, it is proven: ',
        'dbops repair-tracking',
        'If you know that all of it is applied, record it with the statement below, then: dbops migrate up',
      ])
        expect(stderr).toContain(line);
      expect(stderr).not.toContain('search_path');
      expect(await everythingIn(project)).toEqual(before);
    }));

  it.each([
    ['dbops', (project: Project) => project.dbops('migrate', 'up')],
    ['Drizzle', runDrizzle],
  ])('lets %s go on to the pending file once the rows are recorded as it says', (_, up) =>
    withLostRows(async (project) => {
      await expect(runDrizzle(project)).rejects.toThrow('"color"');
      for (const name of lost) {
        const { stderr } = await project.dbops('migrate', 'up');
        expect(stderr).toContain(`error ${name} failed.`);
        await project.query(/INSERT INTO .*;/i.exec(stderr)?.[0] ?? 'no statement was given');
      }
      expect(byState(await project.json('migrate', 'status'))).toMatchObject({ pending: [sphinx] });
      await up(project);
      expect((await project.dbops('migrate', 'status', '--check')).exitCode).toBe(0);
      expect(await newColumns(project)).toBe(15);
    }),
  );
});

async function runDrizzle({ root, url }: Project): Promise<void> {
  const db = drizzle(url);
  try {
    await migrate(db, { migrationsFolder: `${root}/drizzle` });
  } finally {
    await db.$client.end();
  }
}

/** Those that 0008 makes on users, workshops and credit_transactions, as its document counts them. */
async function newColumns({ query }: Project): Promise<number | undefined> {
  const [row] = await query<{ columns: number }>(
    `SELECT count(*)::int AS columns FROM information_schema.columns
      WHERE (table_name, column_name) IN (('workshops', 'credit_consumed_at'), ('users', 'plan_tier'),
        ('users', 'credit_balance'), ('users', 'onboarding_complete'), ('users', 'stripe_customer_id'))
        OR table_name = 'credit_transactions'`,
  );
  return row?.columns;
}
