import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { servers } from '../db/targets.ts';
import { cases } from '../cases.ts';
import { definition, withShop, wrongIn } from './shop.ts';

vi.setConfig({ testTimeout: 60_000 + cases(2) * 10_000 });

const rows = 12_000;
const run = ['backfill', 'run', ...definition, '--wait', '30s', '--batch-time', '30ms'];

describe.each(servers)('a backfill that is killed on $name', (server) => {
  it(`ends like an undisturbed run after kills at random moments (${cases(2)} kills, DBOPS_CASES)`, () =>
    withShop(server, { purchases: rows }, async (project) => {
      const before = await project.query(
        'SELECT id, content_id, amount, note FROM purchases ORDER BY id',
      );
      for (let kills = 0; kills < cases(2); kills++) {
        const { child, answer } = project.start(...run, '--max-rate', '8000');
        await sleep(300 + Math.random() * 1_500);
        const isKilled = child.exitCode === null && child.kill('SIGKILL');
        await answer;
        // The moment may be one after the end: then all begins anew.
        if (!isKilled) await project.query('UPDATE purchases SET organization_id = NULL');
      }
      const last = await project.json(...run);
      expect(last).toMatchObject({
        exitCode: 0,
        state: 'complete',
        rowsTotal: rows,
        rowsDone: rows,
      });
      expect(await wrongIn(project)).toBe(0);
      expect(
        await project.query('SELECT id, content_id, amount, note FROM purchases ORDER BY id'),
      ).toEqual(before);
    }));

  it('reports a connection that the server ended, and resumes', () =>
    withShop(server, { purchases: rows }, async (project) => {
      const cut = project.json(...run, '--max-rate', '3000');
      for (let gone = 0; gone === 0;) {
        const killed = await project.query(
          `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()
             AND pid <> pg_backend_pid() AND EXISTS (SELECT FROM purchases WHERE organization_id > 0)`,
        );
        gone = killed.length;
      }
      const { exitCode, error } = await cut;
      expect({ exitCode, code: error?.code }).toEqual({
        exitCode: 3,
        code: 'BACKFILL.CONNECTION_LOST',
      });
      expect(error?.hint).toContain('dbops backfill run purchases.organization_id');
      expect(await project.json(...run)).toMatchObject({ exitCode: 0, rowsChanged: rows });
      expect(await wrongIn(project)).toBe(0);
    }));

  it('stops between two batches on SIGINT, and prints how to resume', () =>
    withShop(server, { purchases: rows }, async (project) => {
      const { child, answer } = project.start(...run, '--max-rate', '2000');
      for (let filled = 0; filled === 0;) {
        const [row] = await project.query<{ n: number }>(
          'SELECT count(organization_id)::int AS n FROM purchases',
        );
        filled = row?.n ?? 0;
      }
      child.kill('SIGINT');
      const { exitCode, stderr } = await answer;
      expect(exitCode).toBe(130);
      expect(stderr).toMatch(
        /Interrupted between two batches; [\d,]+ filled rows remain committed/,
      );
      expect(stderr).toContain('dbops backfill run purchases.organization_id');
      const status = await project.json('backfill', 'status', 'purchases.organization_id');
      expect(status).toMatchObject({ state: 'interrupted' });
      const rest = await project.json(...run);
      expect(rest).toMatchObject({ exitCode: 0, rowsChanged: rows });
    }));
});
