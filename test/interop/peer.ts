import { describe, expect, it, vi } from 'vitest';
import { isLongRun } from '../cases.ts';
import { newest, servers, withDatabase } from '../db/targets.ts';
import { projectOn, writeInto, writeProject, type Project } from '../migrate/project.ts';
import { catalogOf } from '../reference/catalog.ts';

/** A migration tool beside dbops, and a project of its own kind. */
export interface Peer {
  /** With its version, for the name of the tests. */
  tool: string;
  /** The word that `migrate status` says. */
  format: string;
  /** At least ten migrations. */
  count: number;
  /** Every file of the project when it has so many migrations, by path. */
  files(count: number): Record<string, string>;
  /** Lets the tool apply everything that is pending; answers how many that were. */
  up(project: Pick<Project, 'root' | 'url'>): Promise<number>;
  /** Selects all tracking rows in order, but for clocks and random ids. */
  rows: string;
}

/** Holds dbops and a tool to the same folder, the same catalog and the same tracking rows. */
export function describeInterop(peer: Peer): void {
  describe.each(servers)(`${peer.tool} beside dbops on $name`, (server) => {
    // Two programs start ten times in turn.
    vi.setConfig({ testTimeout: 120_000 });

    const withPeer = (test: (project: Project) => Promise<void>, count = peer.count) =>
      withDatabase(server, (url) => test(projectOn(url, writeProject(peer.files(count)))));

    const endOf = async (project: Project) => ({
      rows: await project.query(peer.rows),
      catalog: await catalogOf(project),
    });

    type End = Awaited<ReturnType<typeof endOf>>;
    let known: Promise<End> | undefined;

    /** Returns the result of the whole folder when only the tool applies it. */
    const alone = () => (known ??= applyAlone());

    async function applyAlone(): Promise<End> {
      const { promise, resolve } = Promise.withResolvers<End>();
      await withPeer(async (project) => {
        expect(await peer.up(project)).toBe(peer.count);
        resolve(await endOf(project));
      });
      return promise;
    }

    const expectApplied = async (project: Project, count: number) => {
      const status = await project.json('migrate', 'status', '--check');
      expect(status).toMatchObject({ exitCode: 0, format: peer.format });
      expect(status.migrations).toHaveLength(count);
    };

    it('has nothing to do after dbops', () =>
      withPeer(async (project) => {
        const { exitCode, migrations } = await project.json('migrate', 'up');
        expect(exitCode).toBe(0);
        expect(migrations).toHaveLength(peer.count);
        expect(await peer.up(project)).toBe(0);
        expect(await endOf(project)).toEqual(await alone());
      }));

    it('leaves dbops nothing to do', () =>
      withPeer(async (project) => {
        await peer.up(project);
        await expectApplied(project, peer.count);
        expect((await project.json('migrate', 'up')).migrations).toEqual([]);
      }));

    // What depends on the server is in the tests above: what a file does, and the tracking row.
    const turns = newest.includes(server) || isLongRun ? (['first', 'second'] as const) : [];
    it.each(turns)('takes turns with dbops, as the %s of the two', (turn) =>
      withPeer(async (project) => {
        for (let count = 1; count <= peer.count; count++) {
          writeInto(project.root, peer.files(count));
          if (count % 2 === (turn === 'first' ? 1 : 0)) expect(await peer.up(project)).toBe(1);
          else expect((await project.json('migrate', 'up')).migrations).toHaveLength(1);
          await expectApplied(project, count);
        }
        expect(await endOf(project)).toEqual(await alone());
      }, 1),
    );
  });
}
