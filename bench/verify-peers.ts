/**
 * `node bench/verify-peers.ts`: dbops beside other checkers on one database that contains faults and traps
 * (`verify-peers/faults.ts`). For each checker: the faults that it finds, those that it misses, and the traps that it
 * reports. A checker whose files are not given is left out. Prints a Markdown table and notes; `--verbose` also prints
 * each fault that a checker misses, and each report that belongs to no case. Exits with 1 if dbops reports a trap.
 */
import { parseArgs } from 'node:util';
import pg from 'pg';
import { Databases } from './databases.ts';
import { newest, onNewServer } from './server.ts';
import {
  runDbops,
  runIndexHealth,
  runSchemalint,
  runSplinter,
  type Checker,
  type Report,
  type Subject,
} from './verify-peers/checkers.ts';
import { cases, preparation, type Case } from './verify-peers/faults.ts';

const { values: options } = parseArgs({
  options: {
    /** splinter.sql of the repository supabase/splinter. */
    splinter: { type: 'string' },
    /** The folder sql of the repository mfvanek/pg-index-health-sql. */
    'index-health': { type: 'string' },
    /** The folder of the npm package schemalint, in the node_modules where it was installed. */
    schemalint: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});

const print = (line: string) => process.stdout.write(`${line}\n`);
const database = 'faults';

/** What a checker found of the cases. */
interface Result {
  checker: Checker;
  found: Case[];
  missed: Case[];
  /** Traps that it reported. */
  alarms: Case[];
  /** Reports of its rules that belong to no case. */
  others: Report[];
}

const wordsOf = (text: string) => new Set(text.match(/[\p{L}\p{N}_]+/gu));

function isAbout(report: Report, { rules }: Checker, { kind, object, alias }: Case): boolean {
  if (!rules[report.rule]?.includes(kind)) return false;
  const words = wordsOf(report.text);
  return words.has(object) || (alias !== undefined && words.has(alias));
}

function judge(checker: Checker): Result {
  const isReported = (each: Case) =>
    checker.reports.some((report) => isAbout(report, checker, each));
  const [faults, traps] = [
    cases.filter(({ isFault }) => isFault),
    cases.filter(({ isFault }) => !isFault),
  ];
  return {
    checker,
    found: faults.filter(isReported),
    missed: faults.filter((each) => !isReported(each)),
    alarms: traps.filter(isReported),
    others: checker.reports.filter(
      (report) =>
        checker.rules[report.rule] && !cases.some((each) => isAbout(report, checker, each)),
    ),
  };
}

const kindsOf = ({ rules }: Checker) => new Set(Object.values(rules).flat());

function rowOf({ checker, found, missed, alarms }: Result): string {
  const kinds = kindsOf(checker);
  const known = missed.filter(({ kind }) => kinds.has(kind));
  const cells = [
    checker.name,
    `${found.length}`,
    `${known.length}`,
    `${missed.length}`,
    `${alarms.length}`,
  ];
  return `| ${cells.join(' | ')} |`;
}

const nameOf = ({ kind, object }: Case) => `${kind} ${object}`;

function printDetails(result: Result, ours: Result): void {
  const { checker, found, missed, alarms, others } = result;
  const missing = found.filter((each) => ours.missed.includes(each));
  if (missing.length > 0)
    print(`${checker.name} finds what dbops does not: ${missing.map(nameOf).join(', ')}`);
  if (alarms.length > 0) print(`${checker.name} reports traps: ${alarms.map(nameOf).join(', ')}`);
  if (!options.verbose) return;
  const kinds = kindsOf(checker);
  const known = missed.filter(({ kind }) => kinds.has(kind));
  print(`${checker.name} misses, of its kinds: ${known.map(nameOf).join(', ') || 'none'}`);
  for (const { rule, text } of others) print(`${checker.name}, no case: ${rule} ${text}`);
}

/** Keeps a temporary table and a build of an index in progress open while `work` runs. */
async function withOpenSessions(url: string, work: () => Promise<void>): Promise<void> {
  const [writer, builder] = [new pg.Client(url), new pg.Client(url)];
  await Promise.all([writer.connect(), builder.connect()]);
  try {
    await writer.query('CREATE TEMP TABLE scratch (a int)');
    await writer.query('BEGIN; INSERT INTO app.being_built (a) VALUES (1)');
    const build = builder.query('CREATE INDEX CONCURRENTLY being_built_a ON app.being_built (a)');
    await untilWaiting(url);
    await work().finally(async () => {
      await writer.query('ROLLBACK');
      await build;
    });
  } finally {
    await Promise.all([writer.end(), builder.end()]);
  }
}

/** CREATE INDEX CONCURRENTLY waits for transactions that wrote to its table; a transaction sees the progress once. */
async function untilWaiting(url: string): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  const limit = Date.now() + 60_000;
  try {
    for (;;) {
      const { rows } = await client.query(
        `SELECT FROM pg_stat_progress_create_index WHERE phase ~ 'waiting for writers'`,
      );
      if (rows.length > 0) return;
      if (Date.now() > limit) throw new Error('the build of an index did not begin');
    }
  } finally {
    await client.end();
  }
}

/** A fresh server has neither the roles nor the setting that splinter needs. */
async function onPlainServer(subject: Subject, file: string): Promise<string> {
  try {
    const { reports } = await runSplinter({ ...subject, database: 'postgres' }, file);
    return `${reports.length} reports`;
  } catch (error) {
    return `ends with: ${error instanceof Error ? error.message : String(error)}`;
  }
}

async function createCases(databases: Databases): Promise<void> {
  await databases.query(database, preparation);
  for (const each of cases) {
    if (each.sql === '') continue;
    try {
      await databases.query(database, each.sql);
    } catch (error) {
      throw new Error(`cannot create ${nameOf(each)}`, { cause: error });
    }
  }
}

async function runPeers(subject: Subject): Promise<Checker[]> {
  const { splinter, 'index-health': indexHealth, schemalint } = options;
  const leftOut = (name: string, flag: string) => print(`${name} is left out: give ${flag}`);
  const checkers: Checker[] = [];
  if (splinter === undefined) leftOut('splinter', '--splinter FILE');
  else {
    checkers.push(await runSplinter(subject, splinter, 'public'));
    const unset = judge(await runSplinter(subject, splinter));
    print(`splinter without pgrst.db_schemas finds ${unset.found.length} faults`);
  }
  if (indexHealth === undefined) leftOut('pg-index-health-sql', '--index-health FOLDER');
  else checkers.push(await runIndexHealth(subject, indexHealth));
  if (schemalint === undefined) leftOut('schemalint', '--schemalint FOLDER');
  else checkers.push(await runSchemalint(subject, schemalint));
  return checkers;
}

await onNewServer('verify-peers', async (server, folder) => {
  const databases = new Databases(server.url);
  const subject = { databases, database, folder };
  if (options.splinter !== undefined)
    print(`splinter on a plain server ${await onPlainServer(subject, options.splinter)}`);
  await databases.create(database);
  await createCases(databases);
  await withOpenSessions(databases.url(database), async () => {
    const ours = judge(await runDbops(subject));
    const results = [ours, ...(await runPeers(subject)).map(judge)];
    const faults = cases.filter(({ isFault }) => isFault).length;
    print(
      `\n${faults} faults of ${new Set(cases.map(({ kind }) => kind)).size} kinds, ${cases.length - faults} traps, PostgreSQL ${newest}\n`,
    );
    print('| | found | missed, of its kinds | missed, of all | traps reported |');
    print('|---|---:|---:|---:|---:|');
    for (const result of results) print(rowOf(result));
    print('');
    for (const result of results) printDetails(result, ours);
    if (ours.alarms.length > 0) process.exitCode = 1;
  });
});
