import type pg from 'pg';
import { describe, expect, it, vi } from 'vitest';
import { servers } from '../db/targets.ts';
import { withClient, type Project } from '../migrate/project.ts';
import { cases } from '../cases.ts';
import { definition, sumOf, withShop, wrongIn } from './shop.ts';

// Every case is a run beside eight clients.
vi.setConfig({ testTimeout: 60_000 + cases(3) * 15_000 });

const random = (below: number) => Math.floor(Math.random() * below);
const contents = 25;
const rows = 900;

/** What an application does that has never heard of the column. */
const deeds: ((client: pg.Client) => Promise<unknown>)[] = [
  (client) =>
    client.query('INSERT INTO purchases (content_id, note) VALUES ($1, $2)', [
      1 + random(contents),
      'new',
    ]),
  (client) =>
    client.query('UPDATE purchases SET amount = amount + 1 WHERE id = $1', [1 + random(rows)]),
  (client) =>
    client.query('UPDATE purchases SET content_id = $1 WHERE id = $2', [
      1 + random(contents),
      1 + random(rows),
    ]),
  (client) => client.query('DELETE FROM purchases WHERE id = $1', [1 + random(rows)]),
  (client) => client.query('DELETE FROM content WHERE id = $1', [1 + random(contents)]),
  // Several rows in one transaction, in an order in which the clients do not block one another for ever.
  async (client) => {
    const ids = [1 + random(rows), 1 + random(rows), 1 + random(rows)].toSorted((a, b) => b - a);
    await client.query('BEGIN');
    for (const id of ids)
      await client.query('UPDATE purchases SET amount = 0, note = $2 WHERE id = $1', [
        id,
        'y'.repeat(random(200)),
      ]);
    await client.query('COMMIT');
  },
];

/** Eight clients at work until the signal; answers what went wrong for them. */
async function application(url: string, signal: AbortSignal): Promise<unknown[]> {
  const errors: unknown[] = [];
  const work = Array.from({ length: 8 }, () =>
    withClient(url, async (client) => {
      while (!signal.aborted) {
        const deed = deeds[random(deeds.length)];
        await deed?.(client).catch((error: unknown) => errors.push(error));
      }
    }),
  );
  await Promise.all(work);
  return errors;
}

/** A run beside the application; both ended. */
async function runBeside(project: Project) {
  const over = new AbortController();
  const errors = application(project.url, over.signal);
  const words = ['--batch-time', '20ms', '--workers', `${1 + random(2)}`, '--orphans', 'skip'];
  const first = await project.json('backfill', 'run', ...definition, ...words);
  over.abort();
  return { first, errors: await errors };
}

describe.each(servers)('a backfill beside eight clients on $name', (server) => {
  it(`never fails their statements, and fills every row (${cases(3)} cases, DBOPS_CASES)`, async () => {
    for (let at = 0; at < cases(3); at++)
      await withShop(server, { purchases: rows, contents, personal: 2 }, async (project) => {
        const { first, errors } = await runBeside(project);
        expect({ at, errors }).toEqual({ at, errors: [] });
        // Mismatched are rows that were moved to a content without an organization, and the like.
        expect({ at, ...first }).toMatchObject({
          at,
          rowsOpen: 0,
          quarantined: 0,
        });
        expect({ at, sum: sumOf(first) }).toEqual({ at, sum: first['rowsTotal'] });
        expect({ at, wrong: await wrongIn(project) }).toEqual({ at, wrong: 0 });
        const [left] = await project.query(
          `SELECT count(*)::int AS n FROM purchases p JOIN content c ON c.id = p.content_id
            WHERE p.organization_id IS NULL AND c.organization_id IS NOT NULL`,
        );
        expect({ at, left }).toEqual({ at, left: { n: 0 } });
      });
  });
});
