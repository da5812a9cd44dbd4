import { join } from 'node:path';
import type { Databases } from './databases.ts';
import { writeFolder } from './folders.ts';
import { type Command, type Contestant, type Limit, time } from './measure.ts';
import type { Quantity } from './report.ts';
import { dbopsOn, peers, psql, psqlVersion, startable, type Tool, withoutPeer } from './tools.ts';

export interface Bench {
  databases: Databases;
  /** A server that the pg_dump of this machine can read; it may be the same. */
  dumpable?: { server: Databases; major: number };
  /** Temporary; gone after the run. */
  folder: string;
  dbops: Tool;
  migrations: number;
  signal: AbortSignal;
  /** Folders and databases that several contestants use, by name. */
  made: Map<string, Promise<void>>;
}

/** Makes a thing at the first call; when that failed, it fails for everyone who needs it. */
export function ensure({ made }: Bench, name: string, make: () => Promise<void>): Promise<void> {
  const making = made.get(name) ?? make();
  made.set(name, making);
  return making;
}

/** What is measured side by side, and the one that the others are divided by. */
export interface Contest {
  title: string;
  floor?: string;
  contestants: Contestant[];
  rounds: number;
  warmUps: number;
  note?: string;
  /** Sizes and numbers; read after the last round. */
  quantities?: () => Quantity[];
}

const node = process.execPath;

export function startup({ dbops, folder }: Bench): Contest {
  const start = ({ file, args }: Pick<Tool, 'file' | 'args'>, ...more: string[]): Command => ({
    file,
    args: [...args, ...more],
    cwd: folder,
  });
  const floor = '`node -e 0`';
  const check = (output: string) => {
    if (!output.trim()) throw new Error('it ended with 0 and printed nothing');
  };
  return {
    title: 'Start-up',
    floor,
    rounds: 40,
    warmUps: 3,
    contestants: [
      { name: floor, command: start({ file: node, args: ['-e', '0'] }) },
      {
        name: 'dbops --version',
        command: start(dbops, '--version'),
        check,
        limits: [{ ratio: 1.3 }],
      },
      { name: 'dbops --help', command: start(dbops, '--help'), check, limits: [{ ratio: 1.5 }] },
      ...startable.map((tool) => ({
        name: `${tool.name} --version`,
        command: start(tool, '--version'),
        check,
      })),
    ],
  };
}

/** Every run gets a new database. */
export async function pending(bench: Bench): Promise<Contest> {
  const hasPsql = psqlVersion() !== undefined;
  const contestants: Contestant[] = [];
  const add = async (tool: Tool, ...limits: Limit[]) => {
    const database = `pending_${tool.id}`;
    contestants.push({
      name: tool.name,
      command: upCommand(tool, await folderOf(tool, bench), bench.databases.url(database)),
      prepare: () => bench.databases.create(database),
      check: () => expectApplied(tool, database, bench),
      ...limitsOf(bench, ...limits),
    });
  };
  if (hasPsql) await add(psql);
  await add(bench.dbops, { ratio: 1.15 });
  for (const peer of peers) {
    await add(peer);
    const limits = [{ ratio: 1, of: peer.name }, ...(peer.hasModules ? [] : [{ ratio: 1.15 }])];
    await add(dbopsOn(peer, bench.dbops), ...limits);
  }
  for (const project of withoutPeer) await add(dbopsOn(project, bench.dbops), { ratio: 1.15 });
  return {
    title: `${count(bench.migrations)} migrations pending`,
    floor: psql.name,
    rounds: 7,
    warmUps: 1,
    contestants,
    ...(!hasPsql && {
      note: '**psql is not installed, so the floor is missing**: apt-get install postgresql-client, or brew install libpq.',
    }),
  };
}

/** Every tool has a database of its own, in which it has applied everything itself. */
export async function applied(bench: Bench): Promise<Contest> {
  const { dbops } = bench;
  const ours = await atRest(dbops, bench);
  const floor: Contestant = {
    ...ours,
    name: 'Node + connect + one query',
    command: { ...ours.command, args: [join(import.meta.dirname, 'floor.mjs')] },
  };
  const status: Contestant = {
    ...ours,
    name: 'dbops migrate status',
    command: { ...ours.command, args: [...dbops.args, 'migrate', 'status'] },
    ...limitsOf(bench, { ratio: 1.8 }),
  };
  const atMost = { ratio: 1.45 };
  const up: Contestant = { ...ours, name: 'dbops migrate up', ...limitsOf(bench, atMost) };
  const others: Contestant[] = [];
  const addOurs = async (tool: Tool, ...limits: Limit[]) => {
    others.push({ ...(await atRest(tool, bench)), ...limitsOf(bench, atMost, ...limits) });
  };
  for (const peer of peers) {
    others.push(await atRest(peer, bench));
    await addOurs(dbopsOn(peer, dbops), ...(peer.hasModules ? [{ ratio: 1, of: peer.name }] : []));
  }
  for (const project of withoutPeer) await addOurs(dbopsOn(project, dbops));
  return {
    title: `${count(bench.migrations)} migrations applied, nothing to do`,
    floor: floor.name,
    rounds: 20,
    warmUps: 2,
    contestants: [floor, up, status, ...others],
  };
}

/** A tool whose database is made, and filled by the tool itself, before its first run. */
async function atRest(tool: Tool, bench: Bench): Promise<Contestant> {
  const { databases, folder: home, signal } = bench;
  const database = `applied_${tool.id}`;
  const command = upCommand(tool, await folderOf(tool, bench), databases.url(database));
  const check = () => expectApplied(tool, database, bench);
  const fill = async () => {
    await databases.create(database);
    await time(command, { home, signal });
    await check();
    await databases.query(database, 'VACUUM ANALYZE');
  };
  return { name: tool.name, command, check, prepare: () => ensure(bench, database, fill) };
}

/** The limits are about 1,000 migrations: with fewer, the start of a program weighs more. */
function limitsOf({ migrations }: Bench, ...limits: Limit[]): Pick<Contestant, 'limits'> {
  return migrations >= 1_000 ? { limits } : {};
}

function upCommand(
  { file, args, up, target, environment }: Tool,
  cwd: string,
  url: string,
): Command {
  return {
    file,
    args: [...args, ...up, ...(target?.(url) ?? [])],
    cwd,
    environment: { DATABASE_URL: url, ...environment },
  };
}

/** The folder of a tool, written at the first call. */
async function folderOf({ id, layout }: Tool, bench: Bench): Promise<string> {
  const folder = join(bench.folder, id);
  await ensure(bench, folder, () => writeFolder(folder, layout(bench.migrations)));
  return folder;
}

interface Made {
  tables: number;
  columns: number;
  indexes: number;
}

const madeQuery = `SELECT
  (SELECT count(*)::int FROM pg_class WHERE relkind = 'r' AND relname ~ '^t[0-9]{4,}$') AS tables,
  (SELECT count(*)::int FROM pg_attribute WHERE attname = 'note' AND attnum = 5) AS columns,
  (SELECT count(*)::int FROM pg_class WHERE relkind = 'i' AND relname ~ '^t[0-9]{4,}_created_at_idx$') AS indexes`;

/** @throws Error when anything is missing that the migrations make, or its tracking row */
async function expectApplied(tool: Tool, database: string, bench: Bench): Promise<void> {
  const wanted = bench.migrations;
  const [made] = await bench.databases.query<Made & Record<string, unknown>>(database, madeQuery);
  const counts: Record<string, unknown> = { ...made };
  if (tool.recorded) {
    const [row] = await bench.databases.query<{ count: number }>(database, tool.recorded);
    counts['tracked'] = row?.count;
  }
  const wrong = Object.entries(counts).filter(([, found]) => found !== wanted);
  if (wrong.length === 0) return;
  const found = wrong.map(([what, number]) => `${what}: ${number}`).join(', ');
  throw new Error(`${tool.name} ended with 0, but of ${wanted} migrations there are ${found}`);
}

function count(number: number): string {
  return number.toLocaleString('en-US');
}
