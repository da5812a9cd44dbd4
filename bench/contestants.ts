import { join } from 'node:path';
import type { Databases } from './databases.ts';
import { writeFolder } from './folders.ts';
import { type Command, type Contestant, time } from './measure.ts';
import { peers, psql, psqlVersion, startable, type Tool } from './tools.ts';

export interface Bench {
  databases: Databases;
  /** Temporary; gone after the run. */
  folder: string;
  dbops: Tool;
  migrations: number;
  signal: AbortSignal;
}

/** What is measured side by side, and the one that the others are divided by. */
export interface Contest {
  title: string;
  floor?: string;
  contestants: Contestant[];
  rounds: number;
  warmUps: number;
  note?: string;
}

const node = process.execPath;

export function startup({ dbops, folder }: Bench): Contest {
  const start = ({ file, args }: Pick<Tool, 'file' | 'args'>, ...more: string[]): Command => ({
    file,
    args: [...args, ...more],
    cwd: folder,
  });
  const floor = '`node -e 0`';
  return {
    title: 'Start-up',
    floor,
    rounds: 40,
    warmUps: 3,
    contestants: [
      { name: floor, command: start({ file: node, args: ['-e', '0'] }) },
      { name: 'dbops --version', command: start(dbops, '--version'), limit: { ratio: 1.5 } },
      { name: 'dbops --help', command: start(dbops, '--help'), limit: { ratio: 1.5 } },
      ...startable.map((tool) => ({
        name: `${tool.name} --version`,
        command: start(tool, '--version'),
      })),
    ],
  };
}

/** Every run gets a new database. */
export async function pending(bench: Bench): Promise<Contest> {
  const hasPsql = psqlVersion() !== undefined;
  const tools = [...(hasPsql ? [psql] : []), bench.dbops, ...peers];
  const contestants: Contestant[] = [];
  for (const tool of tools) {
    const database = `pending_${tool.id}`;
    contestants.push({
      name: tool.name,
      command: upCommand(tool, await folderOf(tool, bench), bench.databases.url(database)),
      prepare: () => bench.databases.create(database),
      check: () => expectApplied(tool, database, bench),
      ...(tool === bench.dbops && { limit: { ratio: 1.15 } }),
    });
  }
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
  const contestants: Contestant[] = [];
  const { databases } = bench;
  for (const tool of [bench.dbops, ...peers]) {
    const database = `applied_${tool.id}`;
    const command = upCommand(tool, await folderOf(tool, bench), databases.url(database));
    await databases.create(database);
    await time(command, { home: bench.folder, signal: bench.signal });
    await expectApplied(tool, database, bench);
    await databases.query(database, 'VACUUM ANALYZE');
    const check = () => expectApplied(tool, database, bench);
    const isOurs = tool === bench.dbops;
    contestants.push({
      name: isOurs ? 'dbops migrate up' : tool.name,
      command,
      check,
      ...(isOurs && { limit: { ratio: 1.6 } }),
    });
    if (!isOurs) continue;
    const status = { ...command, args: [...tool.args, 'migrate', 'status'] };
    contestants.push({ name: 'dbops migrate status', command: status, check });
  }
  const floor = 'Node + connect + one query';
  const command: Command = {
    file: node,
    args: [join(import.meta.dirname, 'floor.mjs')],
    cwd: bench.folder,
    environment: { DATABASE_URL: databases.url('applied_dbops') },
  };
  return {
    title: `${count(bench.migrations)} migrations applied, nothing to do`,
    floor,
    rounds: 20,
    warmUps: 2,
    contestants: [{ name: floor, command }, ...contestants],
  };
}

function upCommand({ file, args, up, id }: Tool, cwd: string, url: string): Command {
  // psql takes no URL from its environment.
  const target = id === psql.id ? ['-d', url] : [];
  return { file, args: [...args, ...target, ...up], cwd, environment: { DATABASE_URL: url } };
}

const written = new Map<string, Promise<void>>();

/** The folder of a tool, written at the first call. */
async function folderOf({ id, layout }: Tool, bench: Bench): Promise<string> {
  const folder = join(bench.folder, id);
  const writing = written.get(folder) ?? writeFolder(folder, layout(bench.migrations));
  written.set(folder, writing);
  await writing;
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
