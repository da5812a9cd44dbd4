import { describe, expect, vi } from 'vitest';
import { inTurn, targets } from '../db/targets.ts';
import { byState, tracked, withProject, type Project } from './project.ts';

// PGlite opens in half a second, and on a busy machine in several.
vi.setConfig({ testTimeout: 60_000 });

const folder = {
  '0001_a.up.sql': 'CREATE TABLE a ()',
  '0001_a.down.sql': 'DROP TABLE a',
};

async function nameOf({ query }: Project): Promise<string> {
  const [row] = await query<{ name: string }>('SELECT current_database() AS name');
  return row?.name ?? '';
}

describe.each(targets)('the label of a database on $name', (target) => {
  const it = inTurn(target);
  it('asks for its name before a rollback', () =>
    withProject(target, folder, async (project) => {
      await project.dbops('migrate', 'up');
      expect(await project.json('env', 'set', 'production', '--protect')).toMatchObject({
        exitCode: 0,
        environment: 'production',
        protected: true,
      });
      for (const words of [[], ['--yes'], ['--confirm', 'another'], ['--confirm', '']]) {
        const { exitCode, error } = await project.json('migrate', 'down', ...words);
        expect({ words, exitCode }).toEqual({ words, exitCode: 2 });
        expect(error?.code).toMatch(/^CONSENT\.(NEEDED|WRONG_NAME)$/);
      }
      expect(await tracked(project)).toEqual(['0001_a']);
      const down = await project.json('migrate', 'down', '--confirm', await nameOf(project));
      expect(byState(down)).toEqual({ done: ['0001_a'] });
    }));

  it('asks for its name before it gives up its protection', () =>
    withProject(target, folder, async (project) => {
      await project.dbops('env', 'set', 'staging', '--protect');
      expect(await project.json('env', 'set', 'staging')).toMatchObject({ exitCode: 2 });
      expect(await project.json('env', 'show')).toMatchObject({ protected: true });
      const confirmed = ['--confirm', await nameOf(project)];
      expect(await project.json('env', 'set', 'staging', ...confirmed)).toMatchObject({
        exitCode: 0,
        protected: false,
      });
      await project.dbops('migrate', 'up');
      expect(await project.json('migrate', 'down')).toMatchObject({ exitCode: 0 });
    }));

  it('is not needed on this machine, and survives a rollback of everything', () =>
    withProject(target, folder, async (project) => {
      expect(await project.json('env', 'show')).toMatchObject({ environment: null });
      await project.dbops('env', 'set', 'development');
      await project.dbops('migrate', 'up');
      expect(await project.json('migrate', 'down', '--to', '0')).toMatchObject({ exitCode: 0 });
      expect(await project.json('env', 'show')).toMatchObject({
        environment: 'development',
        protected: false,
      });
    }));
});
