import { describe, expect, vi } from 'vitest';
import { isLongRun } from '../cases.ts';
import { inTurn, servers, withDatabase } from '../db/targets.ts';
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
    const it = inTurn(server, servers);

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
        const { exitCode, migrations } = await project.json('migrate', 'up', '--allow-empty');
        expect(exitCode).toBe(0);
        expect(migrations).toHaveLength(peer.count);
        expect(await peer.up(project)).toBe(0);
        expect(await endOf(project)).toEqual(await alone());
      }));

    it('leaves dbops nothing to do', () =>
      withPeer(async (project) => {
        await peer.up(project);
        await expectApplied(project, peer.count);
        expect((await project.json('migrate', 'up', '--allow-empty')).migrations).toEqual([]);
      }));

    // Most tools need a second to start.
    const step = isLongRun ? 1 : 3;

    it.each(['first', 'second'] as const)('takes turns with dbops, as the %s of the two', (turn) =>
      withPeer(async (project) => {
        let isToolNext = turn === 'first';
        for (let done = 0; done < peer.count; isToolNext = !isToolNext) {
          const count = Math.min(done + step, peer.count);
          writeInto(project.root, peer.files(count));
          if (isToolNext) expect(await peer.up(project)).toBe(count - done);
          else
            expect((await project.json('migrate', 'up', '--allow-empty')).migrations).toHaveLength(
              count - done,
            );
          await expectApplied(project, count);
          done = count;
        }
        expect(await endOf(project)).toEqual(await alone());
      }, 1),
    );
  });
}
