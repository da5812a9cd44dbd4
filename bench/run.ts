import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { giveTo, reachableTemp, type ServerUser, serverUser } from '../test/db/server-user.ts';
import { applied, type Bench, type Contest, pending, startup } from './contestants.ts';
import { Databases } from './databases.ts';
import { describeMachine } from './machine.ts';
import { measure } from './measure.ts';
import { type Options, parseOptions, type Subject } from './options.ts';
import { ensurePeers } from './peers.ts';
import { writeFigures } from './readme.ts';
import { drift, pgDumpMajor } from './drift.ts';
import { install } from './install.ts';
import { seed, verify } from './reference.ts';
import { rollback } from './rollback.ts';
import { plan } from './plan.ts';
import { repair } from './repair.ts';
import { type Result, type Run, toMarkdown } from './report.ts';
import { type BenchServer, newest, startServer } from './server.ts';
import { dbopsFrom } from './tools.ts';

const contests: Record<Subject, (bench: Bench) => Contest | Promise<Contest>> = {
  startup,
  install,
  pending,
  applied,
  seed,
  verify,
  drift,
  rollback,
  repair,
  plan,
};

const argv = process.argv.slice(2);
const interruption = new AbortController();
for (const name of ['SIGINT', 'SIGTERM'])
  process.once(name, () => interruption.abort(new Error(name)));

try {
  await main(parseOptions(argv), interruption.signal);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

async function main(options: Options, signal: AbortSignal): Promise<void> {
  ensurePeers();
  const runs: Run[] = [];
  for (let index = 0; index < options.runs; index++) {
    say(`run ${index + 1} of ${options.runs}`);
    runs.push(await runBench(options, signal));
  }
  const markdown = toMarkdown(runs, ['npm run bench --', ...argv].join(' '));
  process.stdout.write(`${options.json ? JSON.stringify(runs, null, 2) : markdown}\n`);
  if (options.write) writeFigures(markdown);
  const measurements = runs.flatMap(({ results }) => results.flatMap((each) => each.measurements));
  if (measurements.some(({ failure }) => failure !== undefined)) process.exitCode = 1;
}

/** Everything once, on a new server in a folder that is gone afterwards. */
async function runBench(options: Options, signal: AbortSignal): Promise<Run> {
  const user = serverUser();
  const folder = await mkdtemp(join(reachableTemp(user), 'dbops-bench-'));
  giveTo(user, folder);
  try {
    const server = await startServer(folder, user);
    const older = options.only.includes('drift') ? await startOlder(folder, user) : undefined;
    try {
      const databases = new Databases(server.url);
      const dbops = dbopsFrom(options.dbops);
      const { migrations } = options;
      const dumpable =
        older ?? (pgDumpMajor() === undefined ? undefined : { server, major: newest });
      const bench: Bench = {
        databases,
        folder,
        dbops,
        migrations,
        signal,
        made: new Map(),
        ...(dumpable && { dumpable: { ...dumpable, server: new Databases(dumpable.server.url) } }),
      };
      const machine = await describeMachine(databases);
      const results: Result[] = [];
      for (const subject of options.only)
        results.push(await hold(await contests[subject](bench), bench, options.rounds));
      return { machine, results };
    } finally {
      await Promise.all([server.stop(), older?.server.stop()]);
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** For a pg_dump that refuses the newest server. */
async function startOlder(
  folder: string,
  user: ServerUser,
): Promise<{ server: BenchServer; major: number } | undefined> {
  const major = pgDumpMajor();
  if (major === undefined || major >= newest) return undefined;
  return { server: await startServer(folder, user, major), major };
}

async function hold(contest: Contest, bench: Bench, rounds = contest.rounds): Promise<Result> {
  const { contestants, quantities, ...rest } = contest;
  const measurements = await measure(contestants, {
    rounds,
    warmUps: contest.warmUps,
    home: bench.folder,
    signal: bench.signal,
    onRound: (round, of) =>
      say(`  ${contest.title}: ${round > 0 ? `round ${round} of ${of}` : 'warming up'}`),
  });
  return { ...rest, measurements, ...(quantities && { quantities: quantities() }) };
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
