import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';

/** Ways to fill `purchases.organization_id` from `content`. */
export interface Rival {
  name: string;
  fill(url: string): Promise<Filled>;
}

export interface Filled {
  /** Milliseconds of the whole that went into a proof, where there is one. */
  proofMs?: number;
  /** Milliseconds that it paused because commits of the server were slow. */
  pacedMs?: number;
}

const set = 'SET organization_id = content.organization_id FROM content';
const join_ = 'content.id = purchases.content_id AND purchases.organization_id IS NULL';

/** As people write them by hand: so many rows each, every one in a transaction of its own. */
const batch = { rows: 10_000, pages: 200 };

const single: Rival = {
  name: 'single UPDATE',
  fill: (url) =>
    withClient(url, (client) => client.query(`UPDATE purchases ${set} WHERE ${join_}`)),
};

const byKey: Rival = {
  name: 'batches by primary key',
  fill: (url) =>
    withClient(url, async (client) => {
      const { rows } = await client.query<{ max: string }>('SELECT max(id) FROM purchases');
      for (let from = 0; from <= Number(rows[0]?.max); from += batch.rows)
        await client.query(
          `UPDATE purchases ${set} WHERE ${join_} AND purchases.id > ${from} AND purchases.id <= ${from + batch.rows}`,
        );
    }),
};

const byPlace: Rival = {
  name: 'plain ctid batches',
  fill: (url) =>
    withClient(url, async (client) => {
      const { rows } = await client.query<{ pages: string }>(
        "SELECT pg_relation_size('purchases') / 8192 AS pages",
      );
      for (let from = 0; from < Number(rows[0]?.pages); from += batch.pages)
        await client.query(
          `UPDATE purchases ${set} WHERE ${join_} AND purchases.ctid >= '(${from},0)' AND purchases.ctid < '(${from + batch.pages},0)'`,
        );
    }),
};

async function withClient(
  url: string,
  work: (client: pg.Client) => Promise<unknown>,
): Promise<Filled> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    await work(client);
    return {};
  } finally {
    await client.end();
  }
}

/** @param dbops the `dbops.cjs` to measure */
function ours(dbops: string, folder: string, workers: number): Rival {
  return {
    name: `dbops, ${workers} worker${workers === 1 ? '' : 's'}`,
    async fill(url) {
      const home = join(folder, 'home');
      await mkdir(home, { recursive: true });
      const on = 'content.id = purchases.content_id';
      const assignment = 'organization_id = content.organization_id';
      const definition = [
        '--table',
        'purchases',
        '--set',
        assignment,
        '--from',
        'content',
        '--on',
        on,
      ];
      const words = [
        'backfill',
        'run',
        'purchases',
        ...definition,
        '--workers',
        `${workers}`,
        '--json',
      ];
      const child = spawn(process.execPath, [dbops, ...words], {
        cwd: home,
        env: { PATH: process.env['PATH'], HOME: home, DATABASE_URL: url },
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let answer = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => (answer += text));
      await once(child, 'close');
      if (child.exitCode !== 0) throw new Error(`dbops left with ${child.exitCode}:\n${answer}`);
      const { proofMs, pacedMs }: Filled = JSON.parse(answer);
      return {
        ...(proofMs !== undefined && { proofMs }),
        ...(pacedMs !== undefined && { pacedMs }),
      };
    },
  };
}

export function rivals(dbops: string, folder: string, workers: readonly number[]): Rival[] {
  return [single, byKey, byPlace, ...workers.map((count) => ours(dbops, folder, count))];
}
