import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { extensionsFor } from '../../src/shadow/extensions.ts';
import { prepare } from '../../src/shadow/replay.ts';
import { withShadow } from '../../src/shadow/shadow.ts';
import { readFolder } from '../../src/formats/open-folder.ts';
import { proveRollback } from '../../src/rollback/prove.ts';
import { describeDoubt } from '../../src/rollback/describe.ts';
import type { Migration } from '../../src/migration.ts';
import { isLongRun } from '../cases.ts';
import { newest } from '../db/targets.ts';
import { contentOf, fillTables } from './fill.ts';
import { withWorkedProject } from './worked-project.ts';

// A shadow replays a whole folder, three times over.
vi.setConfig({ testTimeout: 180_000 });

const fixtures = resolve(import.meta.dirname, '../fixtures');
const reference = resolve(import.meta.dirname, '../..');

/** What is not proven of a folder, a line a doubt. */
async function doubtsOf(
  root: string,
  asGiven: (migration: Migration) => Migration,
): Promise<Record<string, string[]>> {
  const { migrations, format } = readFolder({ root });
  const doubts: Record<string, string[]> = {};
  const extensions = extensionsFor(migrations, format);
  const signal = new AbortController().signal;
  await withShadow({ extensions, signal, timeLimit: 170_000 }, async (shadow) => {
    await prepare(shadow, format);
    for (const migration of migrations) {
      const { rollback } = await proveRollback(shadow, asGiven(migration), format);
      doubts[migration.name] = rollback.doubts.flatMap(describeDoubt);
    }
  });
  return doubts;
}

function derived(migration: Migration): Migration {
  const { down, ...rest } = migration;
  return down ? rest : migration;
}
const none = (doubts: Record<string, string[]>) =>
  Object.fromEntries(Object.keys(doubts).map((name) => [name, []]));

describe('every migration is rolled back, and proven', () => {
  it.each(readdirSync(fixtures))('of the project %s, by derivation', async (project) => {
    const doubts = await doubtsOf(join(fixtures, project), derived);
    expect(doubts).toEqual(none(doubts));
  });

  it('of the reference schema, by its files', async () => {
    const doubts = await doubtsOf(reference, (migration) => migration);
    expect(doubts).toEqual(none(doubts));
  });

  it('of the reference schema, by derivation', async () => {
    const doubts = await doubtsOf(reference, derived);
    expect(doubts).toEqual(none(doubts));
  });
});

const rows = 10_000;

describe.each(newest)('down and up again, on $name', (server) => {
  it.each(isLongRun ? ['workshops', 'credits'] : ['workshops'])(
    `leave ${rows} rows a table of %s as they were`,
    (name) =>
      withWorkedProject(server, name, async (project) => {
        await project.dbops('migrate', 'up');
        await fillTables(project, rows);
        const before = await contentOf(project);
        expect(
          Object.values(before).filter((hash) => hash.startsWith(`${rows} `)).length,
        ).toBeGreaterThan(4);
        expect(await project.json('migrate', 'down')).toMatchObject({ exitCode: 0 });
        expect(await contentOf(project)).not.toEqual(before);
        expect(await project.json('migrate', 'up', '--yes')).toMatchObject({ exitCode: 0 });
        expect(await contentOf(project)).toEqual(before);
      }),
  );
});
