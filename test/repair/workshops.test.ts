import { drizzle } from 'drizzle-orm/node-postgres';
import { migrate } from 'drizzle-orm/node-postgres/migrator';
import { describe, expect } from 'vitest';
import { inTurn, servers } from '../db/targets.ts';
import type { Project } from '../migrate/project.ts';
import { withWorkedProject, type WorkedProject } from '../worked-projects/worked-project.ts';

const lost = [
  '0003_warm_palette',
  '0004_plain_ledge',
  '0005_swift_blueprint',
  '0006_open_session',
  '0007_quick_lobby',
];
const sphinx = '0008_shocking_sphinx';
const rows = 'SELECT hash, created_at::text FROM drizzle.__drizzle_migrations ORDER BY created_at';

describe.each(servers)('the incident of the workshops project on $name', (server) => {
  const it = inTurn(server, servers);
  const withLostRows = (test: (project: WorkedProject) => Promise<void>) =>
    withWorkedProject(server, 'workshops', async (project) => {
      await project.dbops('migrate', 'up', '--to', '0007_quick_lobby');
      await project.psql('before.sql');
      await project.psql('tracking-lost.sql');
      await test(project);
    });

  it('stops Drizzle before the repair, and lets it apply the pending file alone after it', () =>
    withLostRows(async (project) => {
      await expect(runDrizzle(project)).rejects.toThrow(/"color"/);

      const shown = await project.json('repair-tracking');
      expect(shown.exitCode).toBe(6);
      expect(shown.migrations).toMatchObject([
        ...['0000_early_canvas', '0001_bold_agenda', '0002_shy_transcript'].map((name) => ({
          name,
          verdict: 'recorded',
        })),
        ...lost.map((name) => ({ name, verdict: 'proven', action: 'insert row' })),
        { name: sphinx, verdict: 'absent', action: null },
      ]);
      expect(await project.query(rows)).toHaveLength(3);

      const applied = await project.json('repair-tracking', '--apply');
      expect(applied).toMatchObject({
        exitCode: 0,
        applied: true,
        next: { command: 'drizzle-kit migrate', runs: [sphinx] },
      });
      expect(await runDrizzle(project)).toBe(1);
      expect((await project.dbops('verify', 'schema')).exitCode).toBe(0);
      expect((await project.dbops('repair-tracking')).exitCode).toBe(0);
    }));

  it('writes the rows that an undamaged run has, and takes them back', () =>
    withLostRows(async (project) => {
      const whole = 'SELECT * FROM drizzle.__drizzle_migrations';
      const before = await project.query(whole);
      const sequence = 'SELECT last_value, is_called FROM drizzle.__drizzle_migrations_id_seq';
      const counted = await project.query(sequence);
      await project.dbops('repair-tracking', '--apply');
      await withWorkedProject(server, 'workshops', async (undamaged) => {
        await undamaged.dbops('migrate', 'up', '--to', '0007_quick_lobby');
        expect(await project.query(rows)).toEqual(await undamaged.query(rows));
      });
      const undone = await project.dbops('repair-tracking', '--undo');
      expect(undone).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('3 rows') });
      expect(await project.query(whole)).toEqual(before);
      expect(await project.query(sequence)).toEqual(counted);
      expect((await project.json('repair-tracking', '--undo')).error?.code).toBe(
        'REPAIR.NOTHING_TO_UNDO',
      );
    }));
});

/** How many migrations Drizzle itself applies. */
async function runDrizzle({ root, url, query }: Project): Promise<number> {
  const before = await query(rows);
  const db = drizzle(url);
  try {
    await migrate(db, { migrationsFolder: `${root}/drizzle` });
  } finally {
    await db.$client.end();
  }
  return (await query(rows)).length - before.length;
}
